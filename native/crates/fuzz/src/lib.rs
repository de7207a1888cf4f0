//! Fuzz targets: each takes any bytes and fails by a panic. `npm run fuzz` runs them under libFuzzer, and the tests of this
//! crate run them over the committed corpus.

mod admission;
mod bytes;
mod coalesce;
mod command;
mod control_gate;
mod epoch;
mod flood_filter;
mod framing;
mod guests;
mod hand_over;
mod inbound;
mod inner;
mod layers;
mod older_packets;
mod operations;
mod outbound;
mod routes;
mod sessions;
mod stream_entry;
mod streams;
mod tls_material;
mod tls_session;

#[path = "../../netio/src/bpf_machine.rs"]
mod bpf_machine;
#[path = "../../datapath/src/test_packets.rs"]
mod test_packets;
#[path = "../../datapath/src/test_sink.rs"]
mod test_sink;

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

/// Every target, by the name of its corpus.
pub const TARGETS: [Target; 20] = [
    Target {
        name: "admission",
        run: admission::run,
    },
    Target {
        name: "coalesce",
        run: coalesce::run,
    },
    Target {
        name: "command",
        run: command::run,
    },
    Target {
        name: "control-gate",
        run: control_gate::run,
    },
    Target {
        name: "epoch",
        run: epoch::run,
    },
    Target {
        name: "flood-filter",
        run: flood_filter::run,
    },
    Target {
        name: "framing",
        run: framing::run,
    },
    Target {
        name: "hand-over",
        run: hand_over::run,
    },
    Target {
        name: "inbound",
        run: inbound::run,
    },
    Target {
        name: "inner",
        run: inner::run,
    },
    Target {
        name: "layers",
        run: layers::run,
    },
    Target {
        name: "older-packets",
        run: older_packets::run,
    },
    Target {
        name: "operations",
        run: operations::run,
    },
    Target {
        name: "outbound",
        run: outbound::run,
    },
    Target {
        name: "routes",
        run: routes::run,
    },
    Target {
        name: "sessions",
        run: sessions::run,
    },
    Target {
        name: "stream-entry",
        run: stream_entry::run,
    },
    Target {
        name: "streams",
        run: streams::run,
    },
    Target {
        name: "tls-material",
        run: tls_material::run,
    },
    Target {
        name: "tls-session",
        run: tls_session::run,
    },
];

pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}
