# Builds, tests and installs mctd.  GNU make; everything made is in $(BUILD).
#
#	make		the daemon, the tool and the library
#	make deps	installs the Debian packages that are missing (root)
#	make demo	a demonstration with real traffic (root)
#	make check	style, unit and system tests, then all with sanitizers
#	make check-guest  only the tests in a guest: SCTP, TIPC, vsock, clock
#	make style	the rules of the source, in seconds
#	make bench	rates and memory beside other relays (root)
#	make install	DESTDIR and PREFIX as usual
#
# A second tree: make BUILD=build/asan SANITIZE=address,undefined
# Forbidden system calls are logged and made: make BUILD=build/trace TRACE=1
# Without a sandbox, on any system: make BUILD=build/none SANDBOX=none

BUILD =		build
PREFIX =	/usr/local
DESTDIR =
SANITIZE =
ifeq ($(origin CC),default)
CC =		gcc
endif
PYTHON =	/usr/bin/python3 -B

VERSION :=	$(shell sed -n 's/^.*MCTD_VERSION[^"]*"\(.*\)"$$/\1/p' \
		common/limits.h)
SONAME =	libmct.so.0
CONVNAME =	libmct_conv.so.0

WARN =		-Wall -Wextra -Wshadow -Wstrict-prototypes \
		-Wmissing-prototypes -Wconversion -Werror
LANGUAGE =	-std=c11 -D_GNU_SOURCE
ifeq ($(SANITIZE),)
HARDEN =	-D_FORTIFY_SOURCE=2 -fstack-protector-strong
else
HARDEN =	-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
		-fno-omit-frame-pointer
LINKSAN =	-fsanitize=$(SANITIZE)
endif
CFLAGS =	-O2 -g
LDFLAGS =	-Wl,-z,relro,-z,now -Wl,--as-needed
COMPILE =	$(CC) $(LANGUAGE) $(CFLAGS) $(WARN) $(HARDEN) $(DEFINES) \
		-MMD -MP
LINK =		$(CC) $(CFLAGS) $(LINKSAN) $(LDFLAGS)

# The common files serve the library as well, so they are compiled for both.
PIC =		-fPIC -fno-semantic-interposition
PIE =		-fPIE

# The sandbox is a set of files for each system; without one only if asked.
SYSTEM :=	$(shell uname -s | tr A-Z a-z)
SANDBOX =	$(SYSTEM)
SANDBOXES =	linux openbsd freebsd none
TRACE =
ifeq ($(filter $(SANDBOX),$(SANDBOXES)),)
$(error no sandbox for $(SANDBOX): SANDBOX=none builds without one)
endif
sandbox_files =	$(wildcard mctd/sandbox/$(1).c mctd/sandbox/$(1)_*.c)
OTHERS =	$(foreach s,$(filter-out $(SANDBOX),$(SANDBOXES)), \
		    $(call sandbox_files,$(s))) \
		$(if $(filter linux,$(SANDBOX)),mctd/sandbox/posix.c)
LIBSANDBOX =	$(if $(filter linux,$(SANDBOX)),-lcap-ng -lseccomp)
DEFINES =	$(if $(SANITIZE),-DBUILD_SANITIZED=1) \
		$(if $(TRACE),-DBUILD_TRACE=1)

COMMON =	$(sort $(wildcard common/*.c))
LIBMCT =	$(sort $(wildcard libmct/*.c))
LIBCONV =	$(sort $(wildcard libmct_conv/*.c))
MCTCTL =	$(sort $(wildcard mctctl/*.c))
MCTD =		$(filter-out $(OTHERS),$(sort $(wildcard mctd/*.c mctd/*/*.c)))
PUMP =		$(sort $(wildcard regress/bench/pump/*.c))
UNIT =		$(sort $(wildcard regress/unit/test_*.c))
BASE =		$(filter mctd/share/% mctd/conf/% mctd/sandbox/%,$(MCTD))
MAN =		$(sort $(wildcard man/*.[1-9]))
HEADERS =	$(sort $(wildcard libmct/include/mct/*.h))

GRAMMAR =	mctd/conf/parse
OBJ =		$(BUILD)/obj
obj =		$(patsubst %.c,$(OBJ)/%.o,$(1))
PARSER =	$(if $(wildcard $(GRAMMAR).y),$(OBJ)/$(GRAMMAR).o)

LIBRARY =	$(BUILD)/libmct.so.$(VERSION)
CONV =		$(BUILD)/libmct_conv.so.$(VERSION)
UNITS =		$(patsubst regress/unit/%.c,$(BUILD)/unit/%,$(UNIT))

all: $(BUILD)/mctd $(BUILD)/mctctl $(BUILD)/libmct.a $(LIBRARY) \
    $(BUILD)/libmct.pc $(BUILD)/libmct_conv.a $(CONV) $(BUILD)/libmct_conv.pc

$(BUILD)/mctd: $(call obj,$(MCTD)) $(PARSER) $(OBJ)/common.a
	$(LINK) -pie -o $@ $^ -levent_core -lbsd $(LIBSANDBOX)

$(BUILD)/mctctl: $(call obj,$(MCTCTL)) $(BUILD)/libmct.a $(OBJ)/common.a
	$(LINK) -pie -o $@ $^

$(LIBRARY): $(call obj,$(LIBMCT)) $(OBJ)/common.a libmct/libmct.map
	$(LINK) -shared -Wl,-soname,$(SONAME) \
	    -Wl,--version-script=libmct/libmct.map \
	    -o $@ $(filter-out %.map,$^)
	ln -sf $(notdir $@) $(BUILD)/$(SONAME)
	ln -sf $(SONAME) $(BUILD)/libmct.so

# One object in which only the interface is visible, so that a program
# linked with it does not meet the names of our common files.
$(BUILD)/libmct.a: $(call obj,$(LIBMCT)) $(OBJ)/common.a
	$(LD) -r -o $(OBJ)/mct.o $^
	objcopy --wildcard --keep-global-symbol='mct_*' $(OBJ)/mct.o
	rm -f $@
	$(AR) rcs $@ $(OBJ)/mct.o

# What goes beyond sockets, for those who want names resolved.
$(CONV): $(call obj,$(LIBCONV)) libmct_conv/libmct_conv.map $(LIBRARY)
	$(LINK) -shared -Wl,-soname,$(CONVNAME) \
	    -Wl,--version-script=libmct_conv/libmct_conv.map \
	    -o $@ $(call obj,$(LIBCONV)) -L$(BUILD) -lmct
	ln -sf $(notdir $@) $(BUILD)/$(CONVNAME)
	ln -sf $(CONVNAME) $(BUILD)/libmct_conv.so

$(BUILD)/libmct_conv.a: $(call obj,$(LIBCONV))
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.pc: FORCE | $(BUILD)/tools
	@sed -e 's,@PREFIX@,$(PREFIX),' -e 's,@VERSION@,$(VERSION),' \
	    -e 's,@LIBDIR@,$${prefix}/lib,' \
	    -e 's,@INCLUDEDIR@,$${prefix}/include,' $*/$*.pc.in > $@

$(OBJ)/common.a: $(call obj,$(COMMON))
$(OBJ)/base.a: $(call obj,$(BASE)) $(PARSER)
$(OBJ)/%.a:
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

$(OBJ)/common/%.o: common/%.c | $(BUILD)/tools
	@mkdir -p $(@D)
	$(COMPILE) $(PIC) -c -o $@ $<
$(OBJ)/libmct/%.o: libmct/%.c | $(BUILD)/tools
	@mkdir -p $(@D)
	$(COMPILE) $(PIC) -Ilibmct/include -c -o $@ $<
$(OBJ)/libmct_conv/%.o: libmct_conv/%.c | $(BUILD)/tools
	@mkdir -p $(@D)
	$(COMPILE) $(PIC) -Ilibmct/include -c -o $@ $<
$(OBJ)/%.o: %.c | $(BUILD)/tools
	@mkdir -p $(@D)
	$(COMPILE) $(PIE) -Ilibmct/include -I$(BUILD)/gen/$(*D) -c -o $@ $<

# What bison wrote includes as its grammar does.
$(PARSER): $(BUILD)/gen/$(GRAMMAR).c
	@mkdir -p $(@D)
	$(COMPILE) $(PIE) -I$(dir $(GRAMMAR)) -c -o $@ $<
$(BUILD)/gen/%.c $(BUILD)/gen/%.h: %.y | $(BUILD)/tools
	@mkdir -p $(@D)
	bison -Werror --defines=$(BUILD)/gen/$*.h -o $(BUILD)/gen/$*.c $<
$(call obj,$(wildcard mctd/conf/*.c)): \
    | $(if $(PARSER),$(BUILD)/gen/$(GRAMMAR).h)

# Without what is needed to build, say so in one line.
$(BUILD)/tools:
	@mkdir -p $(BUILD)
	@command -v $(CC) >/dev/null && command -v bison >/dev/null && \
	    printf '\043include %s\n' '<event2/event.h>' '<bsd/stdlib.h>' \
	    $(if $(LIBSANDBOX),'<cap-ng.h>' '<seccomp.h>') | \
	    $(CC) -fsyntax-only -x c - 2>/dev/null || \
	    { echo 'mctd: packages are missing: run make deps' >&2; exit 1; }
	@touch $@

# Of each folder an archive, out of which a test takes what it uses.
FOLDERS =	mctd/parent mctd/control mctd/engine libmct mctctl
define folder_rule
$(OBJ)/$(1).a: $(call obj,$(sort $(wildcard $(1)/*.c)))
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rule,$(f))))

units: $(UNITS)
define unit_rule
$(BUILD)/unit/$(basename $(notdir $(1))): $(call obj,$(1)) \
    $(shell sh regress/lib/links $(OBJ) $(1))
endef
$(foreach t,$(UNIT),$(eval $(call unit_rule,$(t))))
$(UNITS):
	@mkdir -p $(@D)
	$(LINK) -pie -o $@ $(filter %.o,$^) -Wl,--start-group \
	    $(filter %.a,$^) -Wl,--end-group \
	    -lcmocka -levent_core -lbsd $(LIBSANDBOX)

$(BUILD)/pump: $(call obj,$(PUMP)) $(OBJ)/common.a
	$(LINK) -pie -o $@ $^ -lbsd

# -- What is done with it

JOBS =		$(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
ASAN =		BUILD=$(BUILD)/asan SANITIZE=address,undefined
SUBMAKE =	$(MAKE) --no-print-directory

deps:
	@sh etc/debian-deps

demo:
	@sh etc/debian-deps demo
	@echo "building in $(BUILD)"
	+@$(SUBMAKE) $(JOBS) -s all
	@$(PYTHON) regress/demo/demo $(BUILD)

check:
	@sh etc/debian-deps
	+@$(SUBMAKE) -s style
	@echo "building in $(BUILD) and, with sanitizers, in $(BUILD)/asan"
	+@$(SUBMAKE) $(JOBS) -s all units $(BUILD)/pump
	+@$(SUBMAKE) $(JOBS) -s $(ASAN) all units $(BUILD)/asan/pump
	@$(PYTHON) regress/run --build $(BUILD) --build $(BUILD)/asan

check-guest:
	@sh etc/debian-deps
	+@$(SUBMAKE) $(JOBS) -s all
	@$(PYTHON) regress/run --build $(BUILD) " guest "

style: $(if $(PARSER),$(BUILD)/gen/$(GRAMMAR).h)
	@$(PYTHON) regress/style/check $(BUILD) $(LANGUAGE) $(CFLAGS) $(WARN)

# BENCH="--rounds 15 --what bulk" and the like: see regress/bench/bench.
bench:
	@sh etc/debian-deps bench
	+@$(SUBMAKE) $(JOBS) -s all $(BUILD)/pump
	$(PYTHON) regress/bench/bench $(BUILD) $(BENCH)

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/lib/pkgconfig \
	    $(DESTDIR)$(PREFIX)/include/mct
	install $(BUILD)/mctd $(BUILD)/mctctl $(DESTDIR)$(PREFIX)/sbin
	install -m 644 $(HEADERS) $(DESTDIR)$(PREFIX)/include/mct
	install -m 644 $(BUILD)/libmct.a $(LIBRARY) $(BUILD)/libmct_conv.a \
	    $(CONV) $(DESTDIR)$(PREFIX)/lib
	ln -sf $(notdir $(LIBRARY)) $(DESTDIR)$(PREFIX)/lib/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/libmct.so
	ln -sf $(notdir $(CONV)) $(DESTDIR)$(PREFIX)/lib/$(CONVNAME)
	ln -sf $(CONVNAME) $(DESTDIR)$(PREFIX)/lib/libmct_conv.so
	install -m 644 $(BUILD)/libmct.pc $(BUILD)/libmct_conv.pc \
	    $(DESTDIR)$(PREFIX)/lib/pkgconfig
	for page in $(MAN); do \
		dir=$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}; \
		install -d $$dir && install -m 644 $$page $$dir || exit 1; \
	done

clean:
	rm -rf $(BUILD)

FORCE:
.PHONY: all units deps demo check check-guest style bench install clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
