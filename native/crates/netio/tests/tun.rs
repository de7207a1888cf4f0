//! A TUN that is taken down, deleted and made anew, in a network namespace of its own.

mod own_namespace;

use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

use netio::fd::duplicate;
use netio::interface::{InterfacePlan, set_networks};
use netio::link_watch::{LinkNews, LinkState, look_at_link, open_link_watch};
use netio::routing::Route;
use netio::tun::{Tun, TunOptions, open_tun, reopen_tun};
use netio::tun_queue::TunQueue;

use own_namespace::in_own_namespace;

struct Lab {
    tun: Tun,
    plan: InterfacePlan,
    watch: OwnedFd,
}

impl Lab {
    fn new() -> Lab {
        let cidr = |text: &str| text.parse().expect("cidr");
        let plan = InterfacePlan {
            mtu: 1400,
            transmit_queue_len: 500,
            addresses: vec![cidr("10.8.0.1/24"), cidr("fd00:8::1/64")],
            routes: vec![Route {
                destination: cidr("10.99.0.0/16"),
                via: None,
                metric: None,
            }],
        };
        let tun = open_tun(&TunOptions {
            name: "tun7".into(),
            queues: 2,
            interface: plan.clone(),
        })
        .expect("TUN");
        let watch = open_link_watch().expect("watch");
        Lab { tun, plan, watch }
    }

    fn look(&self) -> LinkNews {
        look_at_link(self.watch.as_raw_fd(), "tun7").expect("look")
    }

    /// Of the addresses and routes that the plan names.
    fn missing(&self) -> Vec<&str> {
        let shown = ip(&["addr", "show", "tun7"]) + &ip(&["route"]);
        let wanted = ["10.8.0.1/24", "fd00:8::1/64", "10.99.0.0/16"];
        wanted
            .into_iter()
            .filter(|text| !shown.contains(text))
            .collect()
    }
}

fn ip(words: &[&str]) -> String {
    let output = Command::new("ip").args(words).output().expect("ip");
    assert!(output.status.success(), "ip {words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

const WELL: LinkNews = LinkNews {
    state: LinkState::Up,
    lost: false,
    mtu: 1400,
};

#[test]
fn what_a_device_lost_is_noticed_and_set_again() {
    in_own_namespace(|| {
        let lab = Lab::new();
        assert_eq!((lab.look(), lab.missing()), (WELL, vec![]));
        ip(&["link", "set", "tun7", "down"]);
        let state = LinkState::Down;
        let down = LinkNews {
            state,
            lost: true,
            ..WELL
        };
        assert_eq!(lab.look(), down);
        ip(&["link", "set", "tun7", "up"]);
        assert_eq!(lab.missing(), ["fd00:8::1/64", "10.99.0.0/16"]);
        lab.look();
        // Down and up between two looks.
        ip(&["link", "set", "tun7", "down"]);
        ip(&["link", "set", "tun7", "mtu", "1300", "up"]);
        assert_eq!(
            lab.look(),
            LinkNews {
                lost: true,
                mtu: 1300,
                ..WELL
            }
        );
        assert_eq!(lab.look(), LinkNews { mtu: 1300, ..WELL });
        set_networks("tun7", &lab.plan).expect("set");
        assert_eq!(lab.missing(), [""; 0]);
    });
}

#[test]
fn the_queues_of_a_deleted_device_get_another() {
    in_own_namespace(|| {
        let lab = Lab::new();
        let queues: Vec<i32> = lab.tun.queues.iter().map(AsRawFd::as_raw_fd).collect();
        let copy = TunQueue::new(duplicate(queues[0], "a queue").expect("duplicate"));
        let mut frame = vec![0; 2000];
        let still = reopen_tun("tun7", &queues, &lab.plan).expect_err("it is in use");
        assert_eq!(still.code(), "EBUSY");
        ip(&["link", "del", "tun7"]);
        assert_eq!(copy.read(&mut frame), Err(libc::EBADFD));
        assert_eq!(copy.write(&frame[..60]), Err(libc::EBADFD));
        let state = LinkState::Gone;
        let gone = LinkNews {
            state,
            lost: true,
            mtu: 0,
        };
        assert_eq!(lab.look(), gone);
        reopen_tun("tun7", &queues, &lab.plan).expect("reopen");
        assert_eq!(lab.missing(), [""; 0]);
        assert!(copy.read(&mut frame).is_ok());
        assert_eq!(copy.write(&ICMP_FRAME), Ok(()));
    });
}

/// virtio-net header of nothing special, then an IPv4 header that the kernel will drop without a word.
const ICMP_FRAME: [u8; 38] = {
    let mut frame = [0; 38];
    frame[10] = 0x45;
    frame[13] = 28;
    frame[19] = 1;
    frame
};
