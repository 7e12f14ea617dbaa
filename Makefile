# shardprop. `make help` says what there is.

VERSION := 0.1.0
PREFIX ?= /usr/local
BUILD ?= build
CC ?= cc
AR ?= ar
OPTIMIZE ?= -O3

# `make V=1` shows the commands.
QUIET := $(if $(V),,@)
SAY := @$(if $(V),:,printf '  %s %s\n')

MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

# The pthread build of OpenBLAS by its own folder: the serial build computes wrong results when
# threads share it, and which build a plain -lopenblas means can change at any time.
OPENBLAS_DIR ?= $(firstword $(wildcard /usr/lib/$(MULTIARCH)/openblas-pthread) /usr/lib)
OPENBLAS_INCLUDE ?= $(firstword $(wildcard /usr/include/$(MULTIARCH)/openblas-pthread) /usr/include/openblas)

# Sums in the order the source says, products and sums not fused: the bits are the source's.
STANDARD := -std=c11 -D_GNU_SOURCE -fopenmp -ffp-contract=off -fno-math-errno
# A newer compiler may warn of more: `make WERROR=` builds all the same.
WERROR ?= -Werror
WARNINGS := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
INCLUDES = -Iinclude -Isrc -isystem $(BUILD)/proto -isystem $(OPENBLAS_INCLUDE) $(XSMM_CFLAGS)
ALL_CFLAGS = $(STANDARD) $(WARNINGS) $(OPTIMIZE) -g $(INCLUDES) -DSP_VERSION='"$(VERSION)"' $(CFLAGS)
ALL_LDFLAGS = -fopenmp $(LDFLAGS)
# libxsmm makes code for x86-64 alone; without it, or with XSMM=, products go through BLAS.
XSMM ?= $(wildcard /usr/include/libxsmm.h)
XSMM_CFLAGS := $(if $(XSMM),-DSP_WITH_XSMM)
XSMM_LIBRARIES := $(if $(XSMM),-lxsmm -lxsmmnoblas -lpthread -lrt -ldl)

LIBRARIES = -L$(OPENBLAS_DIR) -Wl,-rpath,$(OPENBLAS_DIR) -lopenblas -linih -lcjson -lcsv -lxxhash -lsleef -lisal -lpng -lhwloc $(XSMM_LIBRARIES) -lm
LIBRARIES += -lprotobuf-c

LIBRARY_SOURCES := $(wildcard src/*.c src/base/*.c src/math/*.c src/data/*.c src/runs/*.c src/out/*.c)
COMMAND_SOURCES := $(wildcard src/cmd/*.c)
TEST_SOURCES := $(wildcard tests/*.c)
MESSAGES := $(BUILD)/proto/event.pb-c
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/%.o) $(MESSAGES).o
COMMAND_OBJECTS := $(COMMAND_SOURCES:%.c=$(BUILD)/%.o)
TEST_OBJECTS := $(TEST_SOURCES:%.c=$(BUILD)/%.o)
PROGRAM := $(BUILD)/shardprop
LIBRARY := $(BUILD)/libshardprop.a
TEST_PROGRAM := $(BUILD)/tests/run

all: $(PROGRAM)

# Any change of compiler or flags builds anew.
FLAGS_FILE := $(BUILD)/flags
FLAGS_NOW := $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBRARIES)
$(FLAGS_FILE): FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS_NOW))' > $@

$(BUILD)/%.o: %.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(QUIET)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# By the compiler that belongs to the library which is installed: what another version of it makes may not fit.
$(MESSAGES).c: src/event.proto
	@mkdir -p $(@D)
	$(SAY) PROTO $<
	$(QUIET)protoc-c --proto_path=src --c_out=$(@D) $<

$(MESSAGES).o: $(MESSAGES).c $(FLAGS_FILE)
	$(QUIET)$(CC) $(ALL_CFLAGS) -w -c $< -o $@

$(BUILD)/src/events.o: $(MESSAGES).c

$(LIBRARY): $(LIBRARY_OBJECTS)
	@rm -f $@
	$(SAY) AR $@
	$(QUIET)$(AR) rcs $@ $^

$(PROGRAM): $(COMMAND_OBJECTS) $(LIBRARY)
	$(SAY) LD $@
	$(QUIET)$(CC) $(ALL_LDFLAGS) $^ $(LIBRARIES) -o $@

$(BUILD)/tests/harness/race: $(BUILD)/tests/harness/race.o $(LIBRARY)
	$(SAY) LD $@
	$(QUIET)$(CC) $(ALL_LDFLAGS) $^ $(LIBRARIES) -o $@

# The program without what it looks at itself with.
BLIND := $(BUILD)/tests/harness/shardprop-blind
$(BLIND): $(BUILD)/tests/harness/blind.o $(COMMAND_OBJECTS) \
		$(filter-out %/health.o %/diagnose.o,$(LIBRARY_OBJECTS))
	$(SAY) LD $@
	$(QUIET)$(CC) $(ALL_LDFLAGS) $^ $(LIBRARIES) -o $@

$(BUILD)/tests/%.o: ALL_CFLAGS += -Itests -DSHARDPROP_PROGRAM='"$(PROGRAM)"'

# Loaded into the program: see tests/harness/inject.c.
INJECT := $(BUILD)/tests/inject.so
$(INJECT): tests/harness/inject.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(QUIET)$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O1 -fPIC -shared $< -o $@ -ldl

$(TEST_PROGRAM): $(TEST_OBJECTS) $(LIBRARY)
	$(SAY) LD $@
	$(QUIET)$(CC) $(ALL_LDFLAGS) $^ $(LIBRARIES) -lz -lcriterion -o $@

# ---- The tests in one process, and under other eyes; see tests/harness and tests/fuzz ------------

INPROCESS := $(BUILD)/tests/inprocess
$(INPROCESS): $(BUILD)/tests/harness/inprocess.o $(TEST_OBJECTS) $(LIBRARY)
	$(SAY) LD $@
	$(QUIET)$(CC) $(ALL_LDFLAGS) $^ $(LIBRARIES) -lz -lcriterion -o $@

FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_PROGRAMS := $(FUZZERS:%=$(BUILD)/fuzz_%)
FUZZ_COMMON := $(patsubst %,$(BUILD)/tests/fuzz/%.o,input fuzzed_table seal)
# Calls that tests/fuzz/*.c catch.
FUZZ_CAUGHT = open close read pread stat fstat
$(BUILD)/fuzz_checkpoint: FUZZ_CAUGHT += sp_identity_check sp_rundir_continue
.SECONDARY: $(FUZZERS:%=$(BUILD)/tests/fuzz/fuzz_%.o) $(FUZZ_COMMON)
$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(FUZZ_COMMON) $(LIBRARY)
	$(SAY) LD $@
	$(QUIET)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer $(FUZZ_CAUGHT:%=-Wl,--wrap=%) $^ $(LIBRARIES) -lz -o $@

# ---- What people call ------------------------------------------------------------------------

JOBS ?= $(shell nproc 2>/dev/null || echo 2)

help:
	@echo 'make run       install what is missing, build, train configs/digits.ini'
	@echo 'make test      install what the tests need, build, run all tests'
	@echo 'make test-asan, test-tsan, test-valgrind, test-faults, test-surroundings, test-report, coverage, fuzz: see CONTRIBUTING.md'
	@echo 'make           build $(PROGRAM)'
	@echo 'make mnist     fetch MNIST (see tools/fetch-mnist), train configs/mnist.ini'
	@echo 'make bench     measure against PyTorch, scikit-learn, pandas; bench-quick: in short'
	@echo 'make install   into PREFIX ($(PREFIX)): program, library, header'
	@echo 'make format    format the sources with clang-format'
	@echo 'make clean     remove $(BUILD)/'
	@echo
	@echo 'make V=1 shows the commands; CC, CFLAGS, LDFLAGS, OPTIMIZE ($(OPTIMIZE)), BUILD and'
	@echo 'OPENBLAS_DIR can be given.'

run:
	@tools/install-deps build
	@$(MAKE) --no-print-directory -j$(JOBS) all
	$(PROGRAM) train configs/digits.ini

mnist:
	@tools/install-deps test
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tools/fetch-mnist
	$(PROGRAM) train configs/mnist.ini

# Tests that need MNIST say that they are skipped where it cannot be fetched. Criterion comes
# last: its closing line counts.
test:
	@tools/install-deps test
	@$(MAKE) --no-print-directory -j$(JOBS) all $(TEST_PROGRAM) $(BLIND)
	@tools/fetch-mnist || echo 'make test: no MNIST; the tests that need it are skipped'
	tools/check-layers
	tests/test_fetch_mnist.sh
	tests/test_bench.py
	BUILD=$(BUILD) CC='$(CC)' COMPILE_FLAGS='$(STANDARD) $(INCLUDES)' LINK_FLAGS='$(ALL_LDFLAGS) $(LIBRARIES)' \
		tests/test_mutations.sh
	BUILD=$(BUILD) tests/test_instructions.sh
	BUILD=$(BUILD) tests/test_terminal.py
	BUILD=$(BUILD) tests/test_tensorboard.py
	$(TEST_PROGRAM) $(TESTFLAGS)

# Each makes a program of its own below $(BUILD). ADDRESS, THREAD: what finds their faults (see CONTRIBUTING.md).
ADDRESS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CLANG ?= clang-14
# place/ binds the process to some cores, which needs one a test. With threads; and quick under valgrind.
ALONE := -place/
# AddressSanitizer takes memory of its own, and reserves more addresses than `ulimit -v` grants, LeakSanitizer starts a thread where none may be.
UNLIMITED := -cli_cache/memory_is_bounded -cli_resources/memory_is_counted -cli_resources/addresses -cli_resources/threads_that_are_refused
# A profile is longer than files may be there, and another user may not write it.
UNPROFILED := -cli_resources/file_too_large -cli_resources/threads_that_are_refused
# Where the kernel draws addresses of mappings from 2^32 (vm.mmap_rnd_bits), ThreadSanitizer of clang 14 finds no room.
FIXED_ADDRESSES := $(shell setarch -R true 2>/dev/null && echo setarch -R)
WITH_THREADS := share/ step/ normal/ jobs/ team/ library/ golden/ resume/
SMALL := math/ pass/ csv/ idx/ safetensors/ json/ text/

test-asan:
	@tools/install-deps test
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/asan OPTIMIZE=-O1 CFLAGS='$(ADDRESS)' LDFLAGS='$(ADDRESS)' \
		$(BUILD)/asan/shardprop $(BUILD)/asan/tests/inprocess
	ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 JOBS=$(JOBS) \
		tests/harness/inprocess.sh $(BUILD)/asan/tests/inprocess $(ALONE) $(UNLIMITED) $(TESTFLAGS)

test-tsan:
	@tools/install-deps tsan
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/tsan CC=$(CLANG) OPTIMIZE=-O1 WERROR= CFLAGS=-fsanitize=thread \
		LDFLAGS=-fsanitize=thread $(BUILD)/tsan/shardprop $(BUILD)/tsan/tests/inprocess $(BUILD)/tsan/tests/harness/race
	BUILD=$(BUILD)/tsan $(FIXED_ADDRESSES) tests/harness/test_race.sh
	TSAN_OPTIONS=ignore_noninstrumented_modules=1 JOBS=$(JOBS) $(FIXED_ADDRESSES) \
		tests/harness/inprocess.sh $(BUILD)/tsan/tests/inprocess $(WITH_THREADS) $(TESTFLAGS)

test-valgrind:
	@tools/install-deps test
	@$(MAKE) --no-print-directory -j$(JOBS) all $(INPROCESS)
	UNDER='valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=9' JOBS=$(JOBS) \
		tests/harness/inprocess.sh $(INPROCESS) $(SMALL) $(TESTFLAGS)

# Calls that fail, one at a time, and kills: minutes. KILLS: how many.
KILLS ?= 200
test-faults:
	@tools/install-deps test
	@$(MAKE) --no-print-directory -j$(JOBS) $(PROGRAM) $(INJECT)
	BUILD=$(BUILD) tests/test_faults.py
	BUILD=$(BUILD) tests/test_kills.py $(KILLS)

test-surroundings:
	@tools/install-deps test surroundings
	@$(MAKE) --no-print-directory -j$(JOBS) all $(TEST_PROGRAM) $(BLIND)
	CC='$(CC)' TESTFLAGS='$(TESTFLAGS)' tests/test_surroundings.sh

# Reports as a browser shows them: in headless Chromium; screenshots in $(BUILD)/report.
test-report:
	@tools/install-deps report
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tools/fetch-mnist || echo 'make test-report: no MNIST; its report is not looked at'
	BUILD=$(BUILD) tests/test_report_page.py

# By clang: gcc counts no line within a parallel region.
coverage:
	@tools/install-deps coverage
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/coverage CC=$(CLANG) OPTIMIZE=-O1 WERROR= \
		CFLAGS='-fprofile-instr-generate -fcoverage-mapping' LDFLAGS=-fprofile-instr-generate \
		$(BUILD)/coverage/shardprop $(BUILD)/coverage/tests/inprocess
	BUILD=$(BUILD)/coverage JOBS=$(JOBS) tests/harness/coverage.sh $(ALONE) $(UNPROFILED)

FUZZ ?= $(FUZZERS)
fuzz:
	@tools/install-deps fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/fuzz CC=$(CLANG) OPTIMIZE=-O2 \
		CFLAGS='-fsanitize=fuzzer-no-link -fsanitize-coverage-ignorelist=tests/fuzz/uncounted $(ADDRESS)' LDFLAGS='$(ADDRESS)' $(FUZZ:%=$(BUILD)/fuzz/fuzz_%)
	BUILD=$(BUILD)/fuzz tests/fuzz/run $(FUZZ)

# Against the peers that are installed; see tools/bench/README.md.
bench: all
	tools/bench/run --json $(BUILD)/bench.json --markdown tools/bench/RESULTS.md

bench-quick: all
	tools/bench/run --quick --json $(BUILD)/bench-quick.json

# Folders may have blanks in their names; a ~ that the caller's shell has left is the home folder.
install: all
	set -e; prefix='$(PREFIX)'; case $$prefix in '~'/*) prefix=$$HOME$${prefix#'~'};; esac; \
	to='$(DESTDIR)'$$prefix; \
	install -d "$$to/bin" "$$to/lib/pkgconfig" "$$to/include"; \
	install -m 755 $(PROGRAM) "$$to/bin/"; \
	install -m 644 $(LIBRARY) "$$to/lib/"; \
	install -m 644 include/shardprop.h "$$to/include/"; \
	printf '%s\n' 'Name: shardprop' 'Description: multilayer perceptrons on all cores, with the same bits' \
		'Version: $(VERSION)' "Cflags: -I\"$$prefix/include\"" \
		"Libs: -L\"$$prefix/lib\" -lshardprop -fopenmp $(LIBRARIES)" \
		> "$$to/lib/pkgconfig/shardprop.pc"

format:
	clang-format -i $(shell find include src tests -name '*.[ch]')

clean:
	rm -rf $(BUILD)

.PHONY: all help run mnist test test-asan test-tsan test-valgrind test-faults test-surroundings test-report coverage fuzz bench bench-quick install format clean FORCE
FORCE:

-include $(LIBRARY_OBJECTS:.o=.d) $(COMMAND_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d)
