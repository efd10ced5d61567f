# Every target sets up what it needs first; see CONTRIBUTING.md.

.PHONY: help setup build quickstart test test-setup example docs check fuzz chaos interop device-pack clean

help:
	@echo "make quickstart   set up, build, pretrain on drawn shapes, evaluate: minutes on two cores"
	@echo "make test         set up, build, run all tests"
	@echo "make example      build and run Examples/CustomMethod, a package that adds a pretraining method"
	@echo "make docs         write the libraries' documentation as a static site, .build/documentation"
	@echo "make check        lint, scripts, setup's own tests"
	@echo "make fuzz         mutate images, weights, states and configurations, RUNS=100000 of each: minutes"
	@echo "make chaos        kill and stop workers of RUNS=12 trainings, 20 times each: two minutes each"
	@echo "make interop      compare with torchvision, torchrun, mpirun, two machines (downloads PyTorch, 1.6 GB unpacked)"
	@echo "make device-pack  pack the program for a machine with a GPU and PyTorch (Docs/FirstLight.md): DATA=, PHOTOS=, LIMIT_MIB="
	@echo "make setup        install what is missing: Debian packages, libtorch"
	@echo "make build        build .build/release/simclr"
	@echo "make clean        remove what was built; data, runs and libtorch stay"

setup:
	@Scripts/setup.sh

build: setup
	swift build -c release

quickstart:
	@Scripts/quickstart.sh

# No test says @testable; without that, tests and program share what is built rather than each undo the other's.
test: setup
	swift test -c release --no-parallel --disable-testable-imports

# Shares what the program's build left, but for its plan: SwiftPM would look for the example there and not find it.
example: setup
	@rm -f .build/release.yaml
	swift run -c release --package-path Examples/CustomMethod --scratch-path .build CustomMethod

docs: build
	@Scripts/docs.sh

test-setup:
	@Tests/setup/setup-tests.sh

check:
	@Scripts/check.sh

fuzz: RUNS ?= 100000
fuzz: setup
	@Tests/fuzz/fuzz.sh $(RUNS)

chaos: RUNS ?= 12
chaos: setup
	SIMCLR_CHAOS_RUNS=$(RUNS) swift test -c release --no-parallel --disable-testable-imports --filter ChaosTests

interop: build
	@Scripts/interop.sh
	@Scripts/launchers.sh
	@Tests/network/two-machines.sh

device-pack: setup
	@Scripts/device/pack.sh $(if $(DATA),--data "$(DATA)") $(if $(PHOTOS),--photos "$(PHOTOS)") \
	  $(if $(LIMIT_MIB),--limit-mib "$(LIMIT_MIB)")

clean:
	swift package clean
