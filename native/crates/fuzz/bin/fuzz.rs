//! libFuzzer over one target: `FUZZ_TARGET=inbound fuzz CORPUS -max_total_time=60`. Use `npm run fuzz`.
#![no_main]

use std::env;
use std::sync::LazyLock;

use fuzz::Target;
use libfuzzer_sys::fuzz_target;

static CHOSEN: LazyLock<Target> = LazyLock::new(|| {
    let name = env::var("FUZZ_TARGET").unwrap_or_default();
    fuzz::target(&name).unwrap_or_else(|| panic!("FUZZ_TARGET={name} is none"))
});

fuzz_target!(|data: &[u8]| (CHOSEN.run)(data));
