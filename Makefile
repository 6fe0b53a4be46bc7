# SPDX-License-Identifier: GPL-2.0-only
#
# The front door: `make help`. Kbuild reads the file of that name instead.

# The lines of Debian's kernels that are supported and tested; newest is the one
# in unstable.
KERNELS := 6.1 6.12 newest

# Kernels that check themselves, built from source by scripts/kernel-debug.
DEBUG_KERNELS := 6.12-kasan 6.12-kcsan 6.12-uml 6.12-fast-uml

# Another kernel to build for: the directory of its headers.
KDIR ?=

PREFIX ?= /usr/local
DESTDIR ?=
export PREFIX DESTDIR

VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

# The compiling below is done by other makes, each parallel in itself.
.NOTPARALLEL:

.PHONY: help
help:
	@echo 'On Debian 12, as root or with sudo; what is missing is installed'
	@echo
	@echo '  make demo       boot three machines and show what it does'
	@echo '  make check      run all tests; some of them:'
	@echo '    make lint         the sources, without running them'
	@echo '    make unit         the core: unit tests and stories'
	@echo '    make sim          the core: many nodes, and all interleavings'
	@echo '    make sim NODES=n  what a cluster of n nodes costs, as a table'
	@echo '    make fuzz         the core against peers that lie'
	@echo '    make kselftest    the module, on one machine and on three'
	@echo '  make check-debug    the module on kernels that check themselves'
	@echo '    make check-uml    on the one that boots in two seconds'
	@echo '  make soak SECONDS=n the long forms of the tests'
	@echo '  make bench RUNS=n   how fast it is, as ratios to plain TCP'
	@echo '  make compare        against OCFS2, userfaultfd and MPI'
	@echo '  make applications   what programs gain with each machine'
	@echo '  make scale          how many nodes would do, simulated'
	@echo '  make coverage       which part of the core the tests reach'
	@echo '  make coverage-shell the same for the rest of the module'
	@echo
	@echo '  make all        the module for every tested kernel, and the tools'
	@echo '  make modules    build/RELEASE/dsm.ko for Linux $(KERNELS)'
	@echo '  make modules KDIR=/lib/modules/RELEASE/build   for another one'
	@echo '  make tools      build/tools'
	@echo
	@echo '  make install    module and tools, for the kernel that is running'
	@echo '  make clean      remove build'

.PHONY: all
all: modules tools

# What the targets below need of Debian's packages, by group of scripts/deps.sh
deps-%:
	@scripts/deps.sh $*

.PHONY: modules
ifeq ($(KDIR),)
modules: $(KERNELS:%=module-%)
else
modules: deps-build
	+scripts/module $(KDIR)
endif

ALL_MODULES := $(KERNELS:%=module-%) $(DEBUG_KERNELS:%=module-%)

$(DEBUG_KERNELS:%=module-%): deps-debug

.PHONY: $(ALL_MODULES)
$(ALL_MODULES): module-%: deps-build
	+kdir=$$(scripts/kernel --headers $*) && \
		scripts/module $(if $(filter $*,$(KERNELS)),-w) "$$kdir"

.PHONY: tools
tools: deps-build
	$(MAKE) -C tools

.PHONY: demo
demo: deps-vm deps-demo module-6.1 tools
	$(MAKE) -C selftests/dsm $(CURDIR)/build/selftests/dsm/dsmcounter
	scripts/demo

RUNS ?= 5
KERNEL ?= 6.1
MEASURES ?=

.PHONY: bench
bench: deps-vm module-$(KERNEL) tools
	scripts/bench --runs $(RUNS) --kernel $(KERNEL) $(MEASURES)

.PHONY: compare
compare: deps-vm deps-bench module-$(KERNEL) tools
	selftests/bench/compare --ocfs2 -k $(KERNEL) -r $(RUNS)

.PHONY: applications
applications: deps-vm deps-bench module-$(KERNEL)
	selftests/bench/applications -k $(KERNEL)

.PHONY: scale
scale: deps-build deps-check
	@$(MAKE) -s -C selftests/sim all
	scripts/bench --scale

.PHONY: check
check: deps-build deps-vm deps-check
	@scripts/check

.PHONY: lint
lint: deps-build deps-check
	@scripts/check modules lint

.PHONY: unit
unit: deps-build deps-check
	@scripts/check unit stories

# With NODES=n, the table of what a cluster of n nodes costs.
.PHONY: sim
sim: deps-build deps-check
ifeq ($(NODES),)
	@scripts/check sim explore
else
	@$(MAKE) -s -C selftests/sim run_table NODES=$(NODES)
endif

.PHONY: fuzz
fuzz: deps-build deps-check
	@scripts/check fuzz

.PHONY: coverage
coverage: deps-build deps-check
	@scripts/coverage

SECONDS ?= 3600

.PHONY: soak
soak: deps-build deps-vm deps-check module-6.1 module-6.12 module-6.12-fast-uml
	@scripts/soak $(SECONDS)

.PHONY: check-debug
check-debug: deps-build deps-vm deps-debug deps-check
	@scripts/check --debug

.PHONY: check-uml
check-uml: deps-build deps-vm deps-debug deps-check module-6.12-uml tools
	@scripts/check --debug seeded-uml one-uml three-uml

.PHONY: coverage-shell
coverage-shell: deps-build deps-vm deps-debug deps-check
	@scripts/coverage-shell

.PHONY: kselftest
kselftest: deps-build deps-vm deps-check
	@scripts/check modules one $(KERNELS:%=three-%)

# The kernel that is running needs its headers; they are not ours to choose.
RUNNING := /lib/modules/$(shell uname -r)/build

.PHONY: install
install: tools
	+scripts/module -o build/running $(RUNNING)
	$(MAKE) -C $(RUNNING) M=$(CURDIR)/build/running/tree \
		CONFIG_MODULE_SIG_ALL= INSTALL_MOD_PATH=$(DESTDIR) \
		modules_install
	$(if $(DESTDIR),,depmod)
	$(MAKE) -C tools install
	install -D -m 644 uapi/linux/dsm.h \
		$(DESTDIR)$(PREFIX)/include/linux/dsm.h
	@echo 'To have it built again for each new kernel, with DKMS:'
	@echo '  mkdir /usr/src/dsm-$(VERSION)'
	@echo '  git archive HEAD | tar -xC /usr/src/dsm-$(VERSION)'
	@echo '  dkms install dsm/$(VERSION)'

.PHONY: clean
clean:
	rm -rf build
