use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::Millis;
use crate::bucket::{Bucket, Rate};
use crate::command::{AddPeer, CommandError, DataFormat, InstallKey, LayerOptions, UpdatePeer};
use crate::key_ring::KeyRing;
use crate::layers::Layers;
use crate::limits::{Activity, PeerLimits};
use crate::mss::MssFix;
use crate::occ::MtuTest;
use crate::peer_addr::PeerAddr;
use crate::peer_record::PeerRecord;
use crate::plane::PlaneSettings;
use crate::stats::PeerCounters;
use crate::wire::PeerId;

/// One client as the data path sees it. Aligned so that two shards never write to one cache line, nor to the one that the
/// processor fetches with it.
#[repr(align(128))]
pub struct Peer {
    pub id: PeerId,
    pub path: PeerAddr,
    pub format: DataFormat,
    pub ipv4: Option<Ipv4Addr>,
    pub ipv6: Option<Ipv6Addr>,
    pub(crate) keys: KeyRing,
    /// `None` for a peer without framing and fragments.
    pub(crate) layers: Option<Box<Layers>>,
    /// Largest inner IP packet that TCP should send, 0 = no clamp. Follows the path's address family.
    pub max_inner: u16,
    pub counters: Arc<PeerCounters>,
    mssfix: MssFix,
    pub(crate) limits: PeerLimits,
    pub(crate) activity: Activity,
    ping_interval: Millis,
    ping_timeout: Millis,
    last_sealed: Millis,
    /// From when on silence counts: the last sign of life, or the last time silence was reported.
    silent_since: Millis,
    /// When the timer wheel brings this peer up. An earlier reminder is left over from a former owner of the id.
    pub(crate) reminder: Millis,
    /// When a float conflict of this peer was reported last; it would repeat with every packet.
    last_conflict: Option<Millis>,
    floats: Bucket,
    pub(crate) mtu_test: MtuTest,
}

/// A float conflict is reported at most this often per peer.
const CONFLICT_PAUSE: Millis = 1000;

/// Of one peer: a worker, a supervisor and a log hear of each. Whoever sends from two sockets, or overtakes packets of others with copies,
/// could have one for every packet. A client that really moves needs a few of them, and where it is answered is a tenth of a second
/// late at most.
const FLOATS: Rate = Rate {
    per_second: 10,
    at_once: 20,
};

impl Peer {
    pub(crate) fn new(
        now: Millis,
        command: &AddPeer,
        settings: &PlaneSettings,
        counters: Arc<PeerCounters>,
    ) -> Peer {
        counters.last_heard.set(now);
        Peer {
            id: command.peer,
            path: command.path,
            format: command.format,
            ipv4: command.ipv4,
            ipv6: command.ipv6,
            keys: KeyRing::new(),
            layers: Layers::new(&command.layers, settings.tun_mtu),
            max_inner: 0,
            counters,
            mssfix: settings.mssfix,
            limits: PeerLimits::default(),
            activity: Activity::new(now, &PeerLimits::default()),
            ping_interval: Millis::from(command.ping_interval_s) * 1000,
            ping_timeout: Millis::from(command.ping_timeout_s) * 1000,
            last_sealed: now,
            silent_since: now,
            reminder: 0,
            last_conflict: None,
            floats: Bucket::full(FLOATS),
            mtu_test: MtuTest::default(),
        }
    }

    /// Before the first key.
    pub(crate) fn limit(&mut self, now: Millis, limits: PeerLimits) {
        self.limits = limits;
        self.activity = Activity::new(now, &limits);
    }

    /// Something authenticated came.
    pub(crate) fn heard(&mut self, now: Millis) {
        self.silent_since = now;
        self.counters.last_heard.set(now);
    }

    pub(crate) fn sealed(&mut self, now: Millis) {
        self.last_sealed = now;
    }

    pub(crate) fn move_to(&mut self, path: PeerAddr) {
        self.path = path;
        self.fit_segments();
    }

    pub(crate) fn install_key(&mut self, command: &InstallKey) -> Result<(), CommandError> {
        self.keys.install(command, &self.limits)?;
        self.fit_segments();
        Ok(())
    }

    /// All keys of a peer have the same suite.
    fn fit_segments(&mut self) {
        let Some(suite) = self.keys.sealing().map(|key| key.suite()) else {
            self.max_inner = 0;
            return;
        };
        let overhead = self.layers.as_ref().map_or(0, |layers| layers.overhead());
        self.max_inner = self
            .mssfix
            .max_inner(&self.path, self.format, suite, overhead);
        if let Some(layers) = &mut self.layers {
            let header_len = self.format.header_len();
            layers.fit(self.path.outer_header_len(), |datagram| {
                suite.max_payload(datagram.saturating_sub(header_len))
            });
        }
    }

    /// The longest packet that goes into a datagram of `datagram` bytes, uncompressed and whole.
    pub(crate) fn packet_len_for(&mut self, datagram: usize) -> usize {
        let body = datagram.saturating_sub(self.format.header_len());
        let payload = self
            .keys
            .sealing()
            .map_or(0, |key| key.suite().max_payload(body));
        let layers = self.layers.as_ref().map_or(0, |layers| layers.overhead());
        payload.saturating_sub(layers)
    }

    pub(crate) fn update(&mut self, command: &UpdatePeer) {
        self.ipv4 = command.ipv4;
        self.ipv6 = command.ipv6;
        if let Some(seconds) = command.ping_interval_s {
            self.ping_interval = Millis::from(seconds) * 1000;
        }
        if let Some(seconds) = command.ping_timeout_s {
            self.ping_timeout = Millis::from(seconds) * 1000;
        }
    }

    pub(crate) fn ping_due(&self, now: Millis) -> bool {
        self.ping_interval != 0 && now >= self.last_sealed + self.ping_interval
    }

    /// True once per timeout period without a sign of life.
    pub(crate) fn silence_due(&mut self, now: Millis) -> bool {
        let due = self.ping_timeout != 0 && now >= self.silent_since + self.ping_timeout;
        if due {
            self.silent_since = now;
        }
        due
    }

    /// May it move once more? That counts then.
    pub(crate) fn may_float(&mut self, now: Millis) -> bool {
        self.floats.take(now, FLOATS)
    }

    /// May a float conflict be reported again?
    pub(crate) fn conflict_due(&mut self, now: Millis) -> bool {
        let due = self
            .last_conflict
            .is_none_or(|last| now >= last + CONFLICT_PAUSE);
        if due {
            self.last_conflict = Some(now);
        }
        due
    }

    pub(crate) fn layer_options(&self) -> LayerOptions {
        self.layers
            .as_ref()
            .map_or_else(LayerOptions::default, |layers| layers.options)
    }

    /// As in the command, in seconds: ping interval, ping timeout.
    pub(crate) fn timers_s(&self) -> (u16, u16) {
        let seconds = |time: Millis| (time / 1000) as u16;
        (seconds(self.ping_interval), seconds(self.ping_timeout))
    }

    /// When something was sealed last, since when silence counts, when something was heard last.
    pub(crate) fn times(&self) -> [Millis; 3] {
        let heard = self.counters.last_heard.value();
        [self.last_sealed, self.silent_since, heard]
    }

    /// What the process before this one knew.
    pub(crate) fn take_over(&mut self, now: Millis, record: PeerRecord) {
        self.last_sealed = now.saturating_sub(record.sealed_ago);
        self.silent_since = now.saturating_sub(record.silent_for);
        let counters = &self.counters;
        counters
            .last_heard
            .set(now.saturating_sub(record.heard_ago));
        let [bytes_in, bytes_out, packets_in, packets_out] = record.traffic;
        counters.bytes_in.set(bytes_in);
        counters.bytes_out.set(bytes_out);
        counters.packets_in.set(packets_in);
        counters.packets_out.set(packets_out);
        self.keys = record.keys;
        self.fit_segments();
        self.limit(now, record.limits);
        self.activity
            .resume(now, record.active_ago, record.active_bytes);
    }

    /// When this peer needs to be looked at next, if nothing happens before.
    pub(crate) fn next_timer(&self) -> Option<Millis> {
        let ping = (self.ping_interval != 0).then(|| self.last_sealed + self.ping_interval);
        let silence = (self.ping_timeout != 0).then(|| self.silent_since + self.ping_timeout);
        let lack = self.activity.next_timer();
        ping.into_iter().chain(silence).chain(lack).min()
    }
}
