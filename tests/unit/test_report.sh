# shellcheck shell=bash
# The report of a run: that it is a sound page with all its parts and nothing from elsewhere.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
run=$folder/run
page=$run/report.html

train() {
    "$CONVOY" train "$@" -n 1 --progress quiet
}

# The harness gives commands no standard input.
cat >"$folder/sound.py" <<'END'
import html.parser
import math
import re
import sys

EMPTY = {"meta", "link", "br", "img"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            assert name not in ("src", "href", "xlink:href"), f"<{tag} {name}={value}>"
            assert not name.startswith("on"), f"<{tag} {name}>"
            if name == "id":
                self.ids.append(value)
            if name in ("d", "points", "x", "y", "cx", "cy"):
                for number in re.split(r"[MLHVhv ]", value):
                    assert not number or math.isfinite(float(number)), f"<{tag} {name}={value}>"
        assert tag != "script", "a script"
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data):
        self.text += data


text = open(sys.argv[1], encoding="utf-8").read()
page = Page()
page.feed(text)
page.close()
assert not page.open, f"not closed: {page.open}"
assert len(set(page.ids)) == len(page.ids), page.ids
assert not re.search(r"url\(|@import", text), "something is loaded"
for wanted in sys.argv[2:]:
    assert wanted in page.ids or wanted in page.text, f"no {wanted}"
END
# sound NAME FILE PART...: elements are closed in their order, ids are unique, nothing is loaded, the
# parts are there, as ids or as text.
sound() {
    if command -v python3 >/dev/null; then
        check "$1" python3 "$folder/sound.py" "${@:2}"
    else
        skip "$1" "python3 is not installed"
    fi
}

short=(launch/experiments/digits.yaml --set fit.epochs=4)
check "a run" train "${short[@]}" --watch gradients,activations,weights --out "$run"
digest=$(sed -n 's/^digest: //p' "$folder/output")
sound "its report" "$page" curves layers confusion model experiment log history "$digest" \
    accuracy "learning rate" samples/s validation max_pooling2d "Conv2D, relu" 38,282 \
    "norm of the gradient" "share of dead units" 0.002 prediction Adam EarlyStopping \
    "the best by val_loss"
check "a plot a number" [ "$(grep -c '<svg ' "$page")" = 10 ]
check "4 epochs of 4 lines and the best" [ "$(grep -c '<title>validation ' "$page")" = 8 ]
check "made anew" "$CONVOY" report "$run" -o "$folder/again.html"
check "the same" cmp "$page" "$folder/again.html"

# names with what HTML takes for its own, one epoch, no validation, no log
sed 's/^name: .*/name: "a<b> \& \x27c\x27"/' launch/experiments/digits.yaml >"$folder/odd.yaml"
check "an odd name" train "$folder/odd.yaml" --set fit.epochs=1 --set data.validation=null \
    --set 'fit.callbacks=[{CSVLogger: rows.csv}]' --out "$folder/odd"
rm "$folder/odd/log.txt"
check "without log" "$CONVOY" report "$folder/odd"
sound "its report too" "$folder/odd/report.html" "a<b> & 'c'" curves model history "best by loss"

check "none wanted" train "${short[@]}" --no-report --out "$folder/none"
check "is none" [ ! -e "$folder/none/report.html" ]
# what is not finished has a checkpoint
rm "$folder/none/model.h5" "$folder/none/confusion.csv"
check "of a run under way" "$CONVOY" report "$folder/none"
sound "that one" "$folder/none/report.html" curves model

check_code "no run" 4 "$CONVOY" report "$folder/nowhere"
check_code "no name" 2 "$CONVOY" report
printf 'epoch,loss\n1,2,3\n' >"$folder/none/history.csv"
check_code "a damaged history" 3 "$CONVOY" report "$folder/none"
printf 'epoch,loss\n1,2\n' >"$folder/none/history.csv"
check_code "another history" 3 "$CONVOY" report "$folder/none"
cp "$folder/output" "$folder/said"
check "says so" grep -qF "is no history of a run: it has no column" "$folder/said"
finish
