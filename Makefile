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
INCLUDES = -Iinclude -Isrc -isystem $(OPENBLAS_INCLUDE) $(XSMM_CFLAGS)
ALL_CFLAGS = $(STANDARD) $(WARNINGS) $(OPTIMIZE) -g $(INCLUDES) -DSP_VERSION='"$(VERSION)"' $(CFLAGS)
ALL_LDFLAGS = -fopenmp $(LDFLAGS)
# libxsmm makes code for x86-64 alone; without it, or with XSMM=, products go through BLAS.
XSMM ?= $(wildcard /usr/include/libxsmm.h)
XSMM_CFLAGS := $(if $(XSMM),-DSP_WITH_XSMM)
XSMM_LIBRARIES := $(if $(XSMM),-lxsmm -lxsmmnoblas -lpthread -lrt -ldl)

LIBRARIES = -L$(OPENBLAS_DIR) -Wl,-rpath,$(OPENBLAS_DIR) -lopenblas -linih -lcjson -lcsv -lxxhash -lsleef -lisal $(XSMM_LIBRARIES) -lm

LIBRARY_SOURCES := $(wildcard src/*.c src/base/*.c src/math/*.c src/data/*.c)
COMMAND_SOURCES := $(wildcard src/cmd/*.c)
TEST_SOURCES := $(wildcard tests/*.c)
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/%.o)
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

$(LIBRARY): $(LIBRARY_OBJECTS)
	@rm -f $@
	$(SAY) AR $@
	$(QUIET)$(AR) rcs $@ $^

$(PROGRAM): $(COMMAND_OBJECTS) $(LIBRARY)
	$(SAY) LD $@
	$(QUIET)$(CC) $(ALL_LDFLAGS) $^ $(LIBRARIES) -o $@

$(BUILD)/tests/%.o: ALL_CFLAGS += -Itests -DSHARDPROP_PROGRAM='"$(PROGRAM)"'

$(TEST_PROGRAM): $(TEST_OBJECTS) $(LIBRARY)
	$(SAY) LD $@
	$(QUIET)$(CC) $(ALL_LDFLAGS) $^ $(LIBRARIES) -lz -lcriterion -o $@

# ---- What people call ------------------------------------------------------------------------

JOBS ?= $(shell nproc 2>/dev/null || echo 2)

help:
	@echo 'make run       install what is missing, build, train configs/digits.ini'
	@echo 'make test      install what the tests need, build, run all tests'
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
	@$(MAKE) --no-print-directory -j$(JOBS) all $(TEST_PROGRAM)
	@tools/fetch-mnist || echo 'make test: no MNIST; the tests that need it are skipped'
	tools/check-layers
	tests/test_fetch_mnist.sh
	tests/test_bench.py
	BUILD=$(BUILD) CC='$(CC)' COMPILE_FLAGS='$(STANDARD) $(INCLUDES)' LINK_FLAGS='$(ALL_LDFLAGS) $(LIBRARIES)' \
		tests/test_mutations.sh
	BUILD=$(BUILD) tests/test_instructions.sh
	$(TEST_PROGRAM) $(TESTFLAGS)

# Against the peers that are installed; see tools/bench/README.md.
bench: all
	tools/bench/run --json $(BUILD)/bench.json --markdown tools/bench/RESULTS.md

bench-quick: all
	tools/bench/run --quick --json $(BUILD)/bench-quick.json

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(LIBRARY) $(DESTDIR)$(PREFIX)/lib/
	install -m 644 include/shardprop.h $(DESTDIR)$(PREFIX)/include/
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	printf '%s\n' 'Name: shardprop' 'Description: multilayer perceptrons on all cores, with the same bits' \
		'Version: $(VERSION)' 'Cflags: -I$(PREFIX)/include' \
		'Libs: -L$(PREFIX)/lib -lshardprop -fopenmp $(LIBRARIES)' \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/shardprop.pc

format:
	clang-format -i $(shell find include src tests -name '*.[ch]')

clean:
	rm -rf $(BUILD)

.PHONY: all help run mnist test bench bench-quick install format clean FORCE
FORCE:

-include $(LIBRARY_OBJECTS:.o=.d) $(COMMAND_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d)
