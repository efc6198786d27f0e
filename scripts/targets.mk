# Targets for people, in scripts of their own; the Makefile includes this.
#
#   make install-deps     install the Debian packages that are missing
#   make demo             the demo, until Ctrl-C; with DETACH=1 until make demo-stop
#   make test             every test, on private clusters

install-deps:
	scripts/install-deps
demo:
	@scripts/demo start $(if $(DETACH),--detach)
demo-stop:
	@scripts/demo stop
test:
	@scripts/test $(SUITES)
.PHONY: install-deps demo demo-stop test
