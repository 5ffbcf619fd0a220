# What a contributor types. SWAPS=20 and RATE=1000 are for `make demo`.

SWAPS ?= 0
RATE ?= 400

.PHONY: demo test bench lint fmt

# Rolls a small web tier under load; every server is private to it.
demo:
	@tests/support/install.sh
	@cargo build --release --locked --bin pb --example demo
	@cargo run --quiet --release --locked --example demo -- --swaps $(SWAPS) --rate $(RATE)

# Prints figures and ratios; `cargo bench --bench bench -- journal` runs one part. The floor of a swap needs python3.
bench:
	@tests/support/install.sh
	cargo bench --locked --bench bench

# Without a server its tests are skipped and listed; PB_REQUIRE=docker,postgres,haproxy makes them fail.
test:
	@tests/support/install.sh || [ -z "$$PB_REQUIRE" ]
	cargo test --locked

lint:
	cargo fmt --check
	rustfmt --check --edition 2024 examples/demo/*.rs
	cargo clippy --locked --all-targets -- --deny warnings

fmt:
	cargo fmt
	rustfmt --edition 2024 examples/demo/*.rs
