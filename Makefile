# convoy: GNU Make. `make help` lists the targets.
#
# Everything that is built goes into $(BUILD). Set on the command line, as needed: BUILD, CFLAGS,
# LDFLAGS, PREFIX, DESTDIR, T (part of a test's name), FUZZ_SECONDS, V=1 (show the commands).
# Another compiler: `OMPI_CC=clang make BUILD=build/clang`. For another processor: CC, AR and ARCH,
# its name by `uname -m`.

VERSION := 0.1.0
SOVERSION := 0
BUILD := build
PREFIX := /usr/local
CC := mpicc
ARCH := $(shell uname -m)
AR := ar
CFLAGS := -O2 -g
LDFLAGS :=
FUZZ_SECONDS := 20
T :=
V :=

MAKEFLAGS += --no-print-directory --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
# A build started by a target uses all cores, unless the outer make was given -j.
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

# ---- Flags ----

# pkg-config is asked once, when something is first compiled: `make demo` may have to install it.
PACKAGES := libfyaml hdf5 openblas liblzma zlib libxxhash libpng libjpeg
once = $(eval $(1) := $(2))$($(1))
ask = $(or $(shell pkg-config $(1) && echo ' '),$(error a library is missing, see launch/install-deps))
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(patsubst -I%,-isystem %,$(call ask,--cflags $(PACKAGES))))
PKG_LIBS = $(call once,PKG_LIBS,$(call ask,--libs $(PACKAGES)))

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
# Exactness: no contraction of a*b+c behind our back, never -ffast-math.
OWN_CFLAGS = -std=c11 -D_GNU_SOURCE $(WARNINGS) -ffp-contract=off -fno-math-errno -fno-trapping-math -fPIC -fvisibility=hidden \
	-pthread -DCONVOY_VERSION=\"$(VERSION)\" -Isrc -Iinclude $(PKG_CFLAGS)
COMPILE = $(CC) $(OWN_CFLAGS) $(CFLAGS) -MMD -MP
LINK = $(CC) $(CFLAGS) $(LDFLAGS) -pthread -Wl,--as-needed
LIBS = $(PKG_LIBS) -lm
SANITIZE := -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
Q := $(if $(V),,@)
say = @mkdir -p $(@D)$(if $(V),,; echo '  $(1) $@')

# ---- Files ----

# src/kernels/native is compiled once per instruction set: NAME.ISA.o of each NAME.c. The sets are
# those of src/kernels/isa.h.
ISAS_x86_64 := avx2 avx512
ISAS_aarch64 := neon
ISAS := generic $(ISAS_$(ARCH))
ISA_avx2 := -mavx2 -mfma
ISA_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mprefer-vector-width=512
ISA_neon := -DNATIVE_NEON
NATIVE := $(patsubst src/%.c,%,$(wildcard src/kernels/native/*.c))
NATIVE_OBJECTS := $(foreach isa,$(ISAS),$(NATIVE:%=$(BUILD)/obj/%.$(isa).o))
SOURCES := $(wildcard src/*/*.c)
LIB_OBJECTS := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(filter-out src/cmd/%,$(SOURCES))) \
	$(NATIVE_OBJECTS)
CMD_OBJECTS := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(filter src/cmd/%,$(SOURCES)))

# A program for each test_*.c; the other files in tests/unit are the harness, linked to each of
# them. tests/mpi has the same harness, compiled with TEST_MPI.
TEST_SUPPORT := $(filter-out tests/unit/test_%.c,$(wildcard tests/unit/*.c))
UNIT_SUPPORT := $(TEST_SUPPORT:%.c=$(BUILD)/obj/%.o)
MPI_SUPPORT := $(TEST_SUPPORT:tests/unit/%.c=$(BUILD)/obj/tests/mpi/%.o)
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
MPI_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/mpi/test_*.c))
FUZZ_TARGETS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))

# ---- Building ----

.PHONY: all
## all: the program and the library (default)
all: $(BUILD)/convoy $(BUILD)/libconvoy.so.$(SOVERSION) $(BUILD)/libconvoy.a

.PHONY: tests
program: $(BUILD)/convoy
tests: $(UNIT_TESTS) $(MPI_TESTS)

$(BUILD)/convoy: $(BUILD)/obj/main.o $(CMD_OBJECTS) $(LIB_OBJECTS)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(BUILD)/libconvoy.so.$(SOVERSION): $(LIB_OBJECTS) src/convoy.map
	$(call say,LD)
	$(Q)$(LINK) -shared -Wl,-soname,$(@F) -Wl,--no-undefined -Wl,--version-script=src/convoy.map \
		-o $@ $(LIB_OBJECTS) $(LIBS)

$(BUILD)/libconvoy.a: $(LIB_OBJECTS)
	$(call say,AR)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# For the tests: everything but main().
$(BUILD)/obj/internal.a: $(CMD_OBJECTS) $(LIB_OBJECTS)
	$(call say,AR)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/obj/%.o: src/%.c $(BUILD)/obj/flags
	$(call say,CC)
	$(Q)$(COMPILE) -c -o $@ $<

define NATIVE_RULE
$(BUILD)/obj/kernels/native/%.$(1).o: src/kernels/native/%.c $(BUILD)/obj/flags
	$$(call say,CC)
	$$(Q)$$(COMPILE) -DNATIVE_ISA=$(1) $(ISA_$(1)) -c -o $$@ $$<
endef
$(foreach isa,$(ISAS),$(eval $(call NATIVE_RULE,$(isa))))

# Its data is part of the object (.incbin), which -MMD does not see.
$(BUILD)/obj/data/digits.o: $(wildcard datasets/digits/*)

# What was compiled with other flags is compiled again.
$(BUILD)/obj/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(OMPI_CC) $(COMPILE)' | cmp -s - $@ || echo '$(OMPI_CC) $(COMPILE)' > $@

.PHONY: FORCE
FORCE:

# ---- Test programs ----

TEST_CFLAGS = -Itests/unit -DTEST_ROOT=\"$(CURDIR)\"
TEST_LIBS = $(LIBS) -lcunit

$(BUILD)/obj/tests/unit/%.o: tests/unit/%.c $(BUILD)/obj/flags
	$(call say,CC)
	$(Q)$(COMPILE) $(TEST_CFLAGS) -c -o $@ $<

$(BUILD)/obj/tests/mpi/%.o: tests/mpi/%.c $(BUILD)/obj/flags
	$(call say,CC)
	$(Q)$(COMPILE) $(TEST_CFLAGS) -DTEST_MPI -c -o $@ $<

$(MPI_SUPPORT): $(BUILD)/obj/tests/mpi/%.o: tests/unit/%.c $(BUILD)/obj/flags
	$(call say,CC)
	$(Q)$(COMPILE) $(TEST_CFLAGS) -DTEST_MPI -c -o $@ $<

$(UNIT_TESTS): $(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(UNIT_SUPPORT) \
		$(BUILD)/obj/internal.a
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(TEST_LIBS)

$(MPI_TESTS): $(BUILD)/tests/mpi/%: $(BUILD)/obj/tests/mpi/%.o $(MPI_SUPPORT) \
		$(BUILD)/obj/internal.a
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(TEST_LIBS)

$(BUILD)/obj/tests/fuzz/%.o: tests/fuzz/%.c $(BUILD)/obj/flags
	$(call say,CC)
	$(Q)$(COMPILE) -c -o $@ $<

# The driver with main() is libFuzzer's.
$(FUZZ_TARGETS): $(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/internal.a
	$(call say,LD)
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# ---- Running ----

.PHONY: demo
## demo: build, train a small network on this machine and evaluate it
demo:
	@launch/install-deps demo
	@$(MAKE) $(PARALLEL) program
	@BUILD=$(BUILD) launch/demo

.PHONY: check
## check: build and run the tests; T=data runs those with "data" in their name
check:
	@launch/install-deps check
	@$(MAKE) $(PARALLEL) all tests
	@BUILD=$(BUILD) tests/run $(T)

.PHONY: check-models
## check-models: trains all of launch/experiments, for hours, and compares what they reach
check-models:
	@$(MAKE) $(PARALLEL) program
	@BUILD=$(BUILD) tests/models/run $(T)

.PHONY: bench
## bench: convoy beside PyTorch and Keras (in BUILD/bench-venv): speed, accuracy; see tests/bench/run
bench:
	@$(MAKE) $(PARALLEL) program
	@BUILD=$(BUILD) tests/bench/run

.PHONY: lint
## lint: format, static analysis, include order, file sizes, shell scripts
lint:
	@tests/lint/run

.PHONY: format
## format: rewrite the code in the style that lint asks for
format:
	@find src include tests -name '*.[ch]' | xargs clang-format -i

.PHONY: asan
## asan: the tests under the address and undefined-behaviour sanitizers
asan: export ASAN_OPTIONS := allocator_may_return_null=1:fast_unwind_on_malloc=0
asan: export LSAN_OPTIONS := suppressions=$(CURDIR)/tests/asan/leaks.supp:print_suppressions=0
asan: export UBSAN_OPTIONS := print_stacktrace=1
asan:
	@launch/install-deps check
	@$(MAKE) $(PARALLEL) BUILD=$(BUILD)/asan CFLAGS='-O1 -g $(SANITIZE)' program tests
	@BUILD=$(BUILD)/asan SLOW=5 tests/run $(T)

.PHONY: valgrind
## valgrind: the unit and MPI test programs under Valgrind's memcheck
MEMCHECK := valgrind -q --error-exitcode=99 --num-callers=40 --leak-check=full \
	--show-leak-kinds=definite --errors-for-leak-kinds=definite \
	--suppressions=tests/valgrind/openmpi.supp
valgrind:
	@launch/install-deps valgrind
	@$(MAKE) $(PARALLEL) tests
	@BUILD=$(BUILD) SLOW=20 KINDS='unit mpi' RANKS=2 WRAP='$(MEMCHECK)' tests/run $(T)

.PHONY: fuzz
## fuzz: run each fuzz target for FUZZ_SECONDS (clang)
fuzz:
	@launch/install-deps fuzz
	@OMPI_CC=clang $(MAKE) $(PARALLEL) BUILD=$(BUILD)/fuzz \
		CFLAGS='-O1 -g -fsanitize=fuzzer-no-link $(SANITIZE)' fuzz-targets
	@BUILD=$(BUILD)/fuzz FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(T)

.PHONY: cross
## cross: the unit tests and a run on aarch64, which qemu imitates
cross:
	@launch/install-deps cross
	@$(MAKE) $(PARALLEL) program
	@BUILD=$(BUILD) T=$(T) tests/cross/run

.PHONY: fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)

# ---- Installing ----

BINDIR := $(DESTDIR)$(PREFIX)/bin
LIBDIR := $(DESTDIR)$(PREFIX)/lib
INCLUDEDIR := $(DESTDIR)$(PREFIX)/include
MANDIR := $(DESTDIR)$(PREFIX)/share/man/man1
EXPERIMENTDIR := $(DESTDIR)$(PREFIX)/share/convoy/experiments

.PHONY: install
## install: into PREFIX (/usr/local) below DESTDIR
install: all
	install -d $(BINDIR) $(LIBDIR)/pkgconfig $(INCLUDEDIR) $(MANDIR) $(EXPERIMENTDIR)
	install -m 755 $(BUILD)/convoy $(BINDIR)
	install -m 644 $(BUILD)/libconvoy.a $(LIBDIR)
	install -m 755 $(BUILD)/libconvoy.so.$(SOVERSION) $(LIBDIR)/libconvoy.so.$(VERSION)
	ln -sf libconvoy.so.$(VERSION) $(LIBDIR)/libconvoy.so.$(SOVERSION)
	ln -sf libconvoy.so.$(SOVERSION) $(LIBDIR)/libconvoy.so
	install -m 644 include/convoy.h $(INCLUDEDIR)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' src/convoy.pc.in \
		> $(LIBDIR)/pkgconfig/convoy.pc
	install -m 644 docs/convoy.1 $(MANDIR)
	install -m 644 launch/experiments/*.yaml $(EXPERIMENTDIR)

.PHONY: uninstall
## uninstall: remove what install put there
uninstall:
	rm -f $(BINDIR)/convoy $(LIBDIR)/libconvoy.a $(LIBDIR)/libconvoy.so $(INCLUDEDIR)/convoy.h \
		$(LIBDIR)/libconvoy.so.$(SOVERSION) $(LIBDIR)/libconvoy.so.$(VERSION) \
		$(LIBDIR)/pkgconfig/convoy.pc $(MANDIR)/convoy.1
	rm -rf $(DESTDIR)$(PREFIX)/share/convoy

# ---- The rest ----

.PHONY: clean
## clean: remove what was built
clean:
	rm -rf $(BUILD)

.PHONY: help
## help: this list
help:
	@sed -n 's/^## \([a-z]*\): \(.*\)/  make \1	\2/p' Makefile | expand -t 18

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
