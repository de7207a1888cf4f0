//! A data thread in steady state: it does not touch the allocator, and a batch costs as many system calls as
//! `syscalls.snapshot` says. `UPDATE_SNAPSHOT=1` writes the file anew.

mod counted;
#[path = "../../../datapath/src/test_packets.rs"]
mod test_packets;
#[path = "../../../datapath/src/test_sink.rs"]
mod test_sink;
mod tunnel;

use std::fmt::Write as _;

use counted::{Counts, counts, exempt_this_thread};
use tunnel::{SEGMENTS, Tunnel};

const WARM_UP: usize = 200;
const ROUNDS: usize = 200;

// One test, because the counts are those of the process.
#[test]
fn a_batch_costs_what_the_snapshot_says_and_no_allocation() {
    exempt_this_thread();
    let mut tunnel = Tunnel::open();
    let mut found = String::new();
    for (name, round) in [
        ("inbound", Tunnel::round_inbound as fn(&mut Tunnel)),
        ("outbound", Tunnel::round_outbound),
    ] {
        (0..WARM_UP).for_each(|_| round(&mut tunnel));
        let before = counts();
        let dearest = (0..ROUNDS).map(|_| {
            let before = counts();
            round(&mut tunnel);
            counts().since(&before)
        });
        let dearest = dearest.fold(Counts::default(), Counts::max);
        let allocations = counts().since(&before).allocations;
        assert_eq!(allocations, 0, "{name}, {ROUNDS} batches of {SEGMENTS}");
        writeln!(found, "{name}, {SEGMENTS} datagrams of one flow: {dearest}").expect("text");
    }
    assert_eq!(tunnel.drops(), []);
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/steady_state/syscalls.snapshot"
    );
    if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
        std::fs::write(file, &found).expect("snapshot");
    }
    assert_eq!(found, std::fs::read_to_string(file).expect("snapshot"));
}
