# Two commands: `make serve` and `make test`. All they make is git-ignored.
.DEFAULT_GOAL := serve
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: serve site test test-all long check laws mutants firefox bench lighthouse sbom golden zensical oracle clean

PORT ?= 8000
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONHASHSEED := 0
export NO_MKDOCS_2_WARNING := 1
# Hundreds of processes import the same modules: each would compile them anew.
unexport PYTHONDONTWRITEBYTECODE
# npm keeps what it fetches in the home folder, where that can be written.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export npm_config_cache := $(CURDIR)/.cache/npm
endif
# Of what is installed most is never imported: the rest is compiled when it is.
PIP := .venv/bin/python -m pip install --no-compile --quiet --disable-pip-version-check --require-hashes
# One process more than cores: while a test waits for its browser, another one computes.
PYTEST = .venv/bin/python -m pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile
IN_BOTH := $(shell grep -l mark.core tests/test_*.py)
SOURCES := $(shell find calculator -type f -not -path '*/__pycache__/*')
PAGES := $(shell find docs overrides -type f -not -path 'docs/assets/runtime/*' -not -path 'docs/assets/tokenizer/*')
TOKENIZER := node_modules/gpt-tokenizer

serve: site/index.html
	.venv/bin/python -m calculator.web.serve --port $(PORT)

site: site/index.html

# The build of the site keeps one core busy, and the tests wait for browsers: lint, types and spelling go beside them, and
# are told of as soon as they are known.
test: fetched .venv/test.stamp node_modules/test.stamp chromium
	@mkdir -p build; { $(MAKE) --no-print-directory check >build/check.log 2>&1; right=$$?; cat build/check.log; exit $$right; } & \
	checked=$$!; $(MAKE) --no-print-directory site && $(PYTEST) -m "not long" --dist worksteal; passed=$$?; \
	wait $$checked; exit $$((passed + $$?))
	@if command -v firefox-esr || command -v firefox; then BROWSER=firefox $(PYTEST) -m "core and not long" $(IN_BOTH); \
	else echo "No Firefox here: what is tried in both browsers was tried in Chromium alone"; fi

# What sweeps over every page, or repeats one thing for minutes. The workflow runs it beside `make test`.
long: .venv/test.stamp node_modules/test.stamp chromium site/index.html
	$(PYTEST) -m long

test-all: test long firefox

firefox: .venv/test.stamp node_modules/test.stamp site/index.html
	@command -v firefox-esr || command -v firefox || { apt-get update -q && apt-get install -qy firefox-esr; } || \
	  { echo "These tests need Firefox: install Debian's package firefox-esr"; exit 1; }
	BROWSER=firefox $(PYTEST) -m browser

check: .venv/test.stamp
	ruff check .
	mypy
	codespell --ignore-words-list=cann --skip='*.csv,*.json,*.lock,*.woff2,docs/assets/runtime,docs/assets/tokenizer,docs/assets/licences' calculator docs tests bench .github *.md

laws: .venv/test.stamp
	.venv/bin/python -m tests.laws --seeds 5000

mutants: .venv/test.stamp node_modules/test.stamp
	.venv/bin/python -m tests.mutants

bench: .venv/test.stamp node_modules/test.stamp site/index.html
	.venv/bin/python -m bench
	.venv/bin/python -m bench.load
	.venv/bin/python -m bench.native

lighthouse: .venv/test.stamp node_modules/test.stamp site/index.html
	.venv/bin/python -m bench.lighthouse
	.venv/bin/python -m bench.lighthouse --again

sbom: .venv/test.stamp node_modules/test.stamp
	.venv/bin/python -m bench.sbom

golden: .venv/test.stamp
	.venv/bin/python -m tests.golden

zensical: build/zensical/stamp docs/assets/runtime/manifest.json
	build/zensical/bin/python -m zensical build --clean --strict
	.venv/bin/python -m calculator.web.publish
	@for name in $$(ls calculator/decisions | sed -n 's/^\([a-z]\w*\)\.py$$/\1/p'); do \
	  grep -rqs "data-decision=\"$$name\"" site || { echo "Zensical's site has no calculator for $$name"; exit 1; }; done
	rm -rf build/zensical-site
	mv site build/zensical-site

build/zensical/stamp: requirements-zensical.txt | .venv/bin/python
	.venv/bin/python -m venv build/zensical
	build/zensical/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

# Counts against the classes themselves, in an environment of its own. The CPU build of torch comes from wherever pip is
# told to find it; the rest is locked by hash.
oracle: build/oracle/stamp
	build/oracle/bin/python -m pytest -q --noconftest -c /dev/null --rootdir=. -o pythonpath=. -p no:cacheprovider \
	  -o markers="torch: needs torch" \
	  tests/test_parameters_torch.py

build/oracle/stamp: requirements-oracle.txt
	python3.11 -m venv build/oracle
	build/oracle/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	build/oracle/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	touch $@

clean:
	rm -rf build site docs/assets/runtime docs/assets/tokenizer

.venv/bin/python:
	@python=$$(for p in python$$(cat .python-version) python3.14 python3.13 python3.12 python3; do \
	  "$$p" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo "$$p" && break; done); \
	test -n "$$python" || { echo "Python 3.12 or newer with its venv module is needed and was not found." \
	  "On Debian or Ubuntu: apt-get install python3.13 python3.13-venv"; exit 1; }; \
	"$$python" -m venv .venv

# A stamp has the time of the lock that was installed: to install once more, with what tests need, makes nothing newer.
.venv/site.stamp: requirements.txt | .venv/bin/python
	$(PIP) -r requirements.txt
	touch -r $< $@

.venv/test.stamp: requirements-test.txt | .venv/bin/python
	$(PIP) -r requirements-test.txt
	touch -r requirements.txt .venv/site.stamp
	touch -r $< $@

# pip keeps one core busy: npm fetches beside it, where it is there by now. What fails there is done again, and said, by
# the rules above and below.
.PHONY: fetched node chromium
fetched: | .venv/bin/python
	@if npm --version >/dev/null 2>&1; then $(MAKE) --no-print-directory node_modules/test.stamp >/dev/null 2>&1 & fi; \
	$(MAKE) --no-print-directory .venv/test.stamp; installed=$$?; wait; exit $$installed

node: | .venv/bin/python
	@npm --version >/dev/null 2>&1 || $(PIP) -r requirements-node.txt

node_modules/site.stamp: package-lock.json | node
	npm ci --omit=dev --no-progress --loglevel=error
	touch -r $< $@

node_modules/test.stamp: package-lock.json | node
	npm ci --no-progress --loglevel=error
	touch -r $< node_modules/site.stamp $@

chromium:
	@{ command -v chromium && command -v chromium-headless-shell; } >/dev/null || \
	  { apt-get update -q && apt-get install -qy chromium chromium-headless-shell; } || command -v chromium >/dev/null || \
	  { echo "The browser tests need Chromium: install Debian's package chromium, or set CHROMIUM to another one"; exit 1; }

docs/assets/runtime/manifest.json: $(SOURCES) .venv/site.stamp node_modules/site.stamp
	.venv/bin/python -m calculator bundle
	touch $@

docs/assets/tokenizer/o200k_base.js: node_modules/site.stamp
	mkdir -p $(@D)
	cp $(TOKENIZER)/LICENSE $(@D)/o200k_base-license.txt
	sed '/^\/\/# sourceMappingURL=/d' $(TOKENIZER)/dist/o200k_base.js > $@

site/index.html: mkdocs.yml $(PAGES) $(SOURCES) docs/assets/runtime/manifest.json docs/assets/tokenizer/o200k_base.js
	.venv/bin/python -m mkdocs build --strict
	.venv/bin/python -m calculator.web.publish
	touch $@
