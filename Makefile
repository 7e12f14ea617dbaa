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
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
INCLUDES := -Iinclude -Isrc -isystem $(OPENBLAS_INCLUDE)
ALL_CFLAGS = $(STANDARD) $(WARNINGS) $(OPTIMIZE) -g $(INCLUDES) -DSP_VERSION='"$(VERSION)"' $(CFLAGS)
ALL_LDFLAGS = -fopenmp $(LDFLAGS)
LIBRARIES = -L$(OPENBLAS_DIR) -Wl,-rpath,$(OPENBLAS_DIR) -lopenblas -linih -lcjson -lcsv -lxxhash -lz -lm

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
	$(QUIET)$(CC) $(ALL_LDFLAGS) $^ $(LIBRARIES) -lcriterion -o $@

.PHONY: all FORCE
FORCE:

-include $(LIBRARY_OBJECTS:.o=.d) $(COMMAND_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d)
