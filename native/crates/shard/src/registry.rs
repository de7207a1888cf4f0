//! Planes and their shards, process-wide and keyed by number: they outlive any JavaScript environment.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

pub use datapath::mss::MssFix;
use datapath::stats::Counter;
use datapath::{DataPath, PeerAddr, PeerId, Plane, TunOffloads};
pub use datapath::{Millis, PeerSnapshot, PlaneSettings, Role};
use netio::IoError;
use netio::fd::duplicate;
use netio::mem::SharedMemory;
use netio::tun::negotiate_offloads;
use netio::tun_queue::TunQueue;
use netio::tun_steering::SteeringFds;
use netio::wake::Waker;

use crate::clock;
use crate::event_loop::EventLoop;
use crate::hop::HopOut;
use crate::local_book::LocalBook;
use crate::outlet::Outlet;
use crate::port_share::ForeignStream;
use crate::ring::{RingConsumer, RingProducer};
use crate::route_steering::RouteSteering;
use crate::shard_thread::{Life, ShardState, ShardThread};
use crate::snapshot_store::{Companion, Snapshot, SnapshotStore};
use crate::socket_guard::SocketGuard;
use crate::socket_order::{SocketChange, SocketOrders};
use crate::stream_settings::{Network, StreamSettings};
use crate::streams::Streams;
use crate::worker_port::{OnWake, WorkerPort};

/// What a data thread is given. The descriptors stay the caller's: the thread works on duplicates.
pub struct ShardOptions {
    pub shard: usize,
    /// Index = listener, `None` for a closed one.
    pub udp: Vec<Option<RawFd>>,
    pub tun: Option<RawFd>,
    pub to_data: SharedMemory,
    pub to_worker: SharedMemory,
    /// Index = other shard, `None` at the own one.
    pub hop_in: Vec<Option<SharedMemory>>,
    pub hop_out: Vec<Option<SharedMemory>>,
}

/// One reading of a shard's counters.
pub struct ShardSnapshot {
    pub life: Life,
    pub counters: Vec<(&'static str, u64)>,
    pub drops: Vec<(&'static str, u64)>,
    pub hops: Vec<(&'static str, u64)>,
    pub peers: Vec<PeerSnapshot>,
    /// The data threads' clock, to compare `last_heard` with.
    pub now: Millis,
}

pub fn create_plane(settings: PlaneSettings) -> Result<u32, IoError> {
    if settings.shards == 0 || settings.shards > MAX_SHARDS {
        return Err(IoError::invalid(format!(
            "make a plane of {} shards",
            settings.shards
        )));
    }
    let seats = (0..settings.shards)
        .map(|_| Seat::new())
        .collect::<Result<Vec<_>, _>>()?;
    // One more than there can be clients: a worker's own.
    let snapshots = SnapshotStore::new(settings.shards, settings.max_peers + 1);
    let entry = Arc::new(Entry {
        snapshots,
        plane: Arc::new(Plane::new(settings)),
        seats,
        steering: Mutex::new(None),
        guard: Mutex::default(),
        streams: Arc::default(),
    });
    let mut registry = REGISTRY.write().unwrap_or_else(PoisonError::into_inner);
    registry.last += 1;
    let id = registry.last;
    registry.planes.insert(id, entry);
    Ok(id)
}

/// Stops and joins the plane's data threads. A plane that does not exist is destroyed already.
pub fn destroy_plane(plane: u32) {
    let entry = REGISTRY
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .planes
        .remove(&plane);
    for seat in entry.iter().flat_map(|entry| &entry.seats) {
        let thread = seat.thread().take();
        drop(thread);
        seat.worker.detach();
    }
    if let Some(entry) = entry {
        entry.streams.port_share.taker.detach();
    }
}

/// Starts the data thread of a shard, again if an earlier one has ended.
pub fn start_shard(plane: u32, options: ShardOptions) -> Result<(), IoError> {
    let (entry, shard) = (find(plane)?, options.shard);
    prepare_shard(plane, options)?;
    let mut thread = entry.seat(shard)?.thread();
    thread.as_mut().map_or(Ok(()), ShardThread::go_on)
}

/// Sets everything up for a data thread that `hand_over` starts.
pub fn prepare_shard(plane: u32, options: ShardOptions) -> Result<(), IoError> {
    let entry = find(plane)?;
    let shard = options.shard;
    let seat = entry.seat(shard)?;
    let mut thread = seat.thread();
    if thread
        .as_ref()
        .is_some_and(|thread| matches!(thread.state().life(), Life::Running | Life::Restarting))
    {
        return Err(IoError::busy(format!("start shard {shard}, it runs")));
    }
    let state = Arc::new(ShardState::new());
    let (tun, offloads) = open_queue(options.tun)?;
    let sockets = options
        .udp
        .iter()
        .map(|fd| duplicate(fd.unwrap_or(seat.waker.fd().as_raw_fd()), "a UDP socket"))
        .collect::<Result<Vec<_>, _>>()?;
    let hops_out = entry.hops_out(options.hop_out)?;
    let to_worker = RingProducer::new(options.to_worker)?;
    let streams = Streams::new(
        Arc::clone(&entry.streams),
        Arc::clone(&state),
        max_packet(&entry.plane.settings),
    )?;
    let mut outlet = Outlet::new(
        sockets,
        tun,
        streams,
        hops_out,
        to_worker,
        Arc::clone(&seat.worker),
        Arc::clone(&state),
    );
    outlet.guard = entry.guard().of(shard);
    outlet.local = Some(LocalBook::new(Arc::clone(&entry.plane.local)));
    let commands = RingConsumer::new(options.to_data)?;
    let hops_in = options
        .hop_in
        .into_iter()
        .flatten()
        .map(RingConsumer::new)
        .collect::<Result<Vec<_>, _>>()?;
    let (socket_orders, received_orders) = SocketOrders::new();
    let event_loop = EventLoop::new(
        outlet,
        commands,
        received_orders,
        hops_in,
        Arc::clone(&seat.waker),
        Arc::clone(&state),
    )?;
    let data_path = DataPath::new(Arc::clone(&entry.plane), shard, offloads);
    *thread = Some(ShardThread::halted(
        shard,
        state,
        Arc::clone(&seat.waker),
        socket_orders,
        data_path,
        event_loop,
    ));
    Ok(())
}

/// Has the data thread read and send through a socket: of a listener that is closed, or of the next one. The descriptor
/// stays the caller's.
pub fn open_listener(
    plane: u32,
    shard: usize,
    listener: usize,
    socket: RawFd,
) -> Result<(), IoError> {
    let socket = duplicate(socket, "a UDP socket")?;
    change_socket(plane, shard, listener, SocketChange::Open(socket))
}

/// Ends that; what is still to be sent by the listener goes out by another socket, if there is one.
pub fn close_listener(
    plane: u32,
    shard: usize,
    listener: usize,
    send_through: Option<RawFd>,
) -> Result<(), IoError> {
    let change = match send_through {
        Some(socket) => SocketChange::SendThrough(duplicate(socket, "a UDP socket")?),
        None => SocketChange::Close,
    };
    change_socket(plane, shard, listener, change)
}

fn change_socket(
    plane: u32,
    shard: usize,
    listener: usize,
    change: SocketChange,
) -> Result<(), IoError> {
    let entry = find(plane)?;
    let seat = entry.seat(shard)?;
    let orders = seat
        .thread()
        .as_ref()
        .map(|thread| thread.socket_orders().clone());
    let orders = orders.ok_or_else(|| {
        IoError::invalid(format!(
            "change the sockets of shard {shard}, it does not run"
        ))
    })?;
    orders.carry_out(listener, change, &seat.waker)
}

/// See `LocalAddresses::set`. Before the first shard starts.
pub fn set_ways(plane: u32, by_device: bool, shows_class: bool) -> Result<(), IoError> {
    find(plane)?.plane.local.set(by_device, shows_class);
    Ok(())
}

/// Limits of the connections of all shards, from now on: see `StreamSettings::set`.
pub fn limit_streams(
    plane: u32,
    queue_limit: u32,
    opening_ms: u32,
    max_opening: u32,
) -> Result<(), IoError> {
    let entry = find(plane)?;
    entry.streams.set(queue_limit, opening_ms, max_opening);
    Ok(())
}

/// Whose connections begin with a PROXY header, from now on.
pub fn trust_proxies(plane: u32, networks: Vec<Network>) -> Result<(), IoError> {
    find(plane)?.streams.set_proxies(networks);
    Ok(())
}

/// Connections that speak something else go to whoever `take_foreign` takes them; `None` ends that.
pub fn share_port(plane: u32, on_wake: Option<OnWake>) -> Result<(), IoError> {
    let entry = find(plane)?;
    let share = &entry.streams.port_share;
    share.turn(on_wake.is_some());
    match on_wake {
        Some(on_wake) => share.taker.attach(on_wake),
        None => share.taker.detach(),
    }
    Ok(())
}

pub fn take_foreign(plane: u32) -> Result<Option<ForeignStream>, IoError> {
    Ok(find(plane)?.streams.port_share.take())
}

/// Has packets for the TUN arrive at the shards that own their destinations. `queue` is one of the device; call it before
/// the first shard starts, and again when the device was made anew.
pub fn steer_tun(plane: u32, queue: RawFd) -> Result<(), IoError> {
    let entry = find(plane)?;
    let mut steering = entry.steering();
    match steering.as_ref() {
        Some(steering) => steering.attach(queue),
        None => {
            *steering = Some(RouteSteering::start(&entry.plane, queue)?);
            Ok(())
        }
    }
}

/// As `steer_tun`, with what `steering_descriptors` has returned in another process.
pub fn adopt_steering(plane: u32, queue: RawFd, fds: SteeringFds<RawFd>) -> Result<(), IoError> {
    let entry = find(plane)?;
    let [a, b, c, d, e] = fds.map(|fd| duplicate(fd, "the steering of the TUN"));
    let steering = RouteSteering::adopt(&entry.plane, queue, [a?, b?, c?, d?, e?])?;
    *entry.steering() = Some(steering);
    Ok(())
}

/// `None` when packets for the TUN are not steered. The descriptors stay the plane's.
pub fn steering_descriptors(plane: u32) -> Result<Option<SteeringFds<RawFd>>, IoError> {
    let entry = find(plane)?;
    let descriptors = entry
        .steering()
        .as_ref()
        .and_then(RouteSteering::descriptors);
    Ok(descriptors)
}

/// Has the kernel drop in a flood what nobody waits for. To be called before the first shard starts.
pub fn filter_floods(plane: u32) -> Result<(), IoError> {
    let entry = find(plane)?;
    *entry.guard() = SocketGuard::start(&entry.plane)?;
    Ok(())
}

pub fn attach_worker(plane: u32, shard: usize, on_wake: OnWake) -> Result<(), IoError> {
    find(plane)?.seat(shard)?.worker.attach(on_wake);
    Ok(())
}

pub fn detach_worker(plane: u32, shard: usize) -> Result<(), IoError> {
    find(plane)?.seat(shard)?.worker.detach();
    Ok(())
}

pub fn wake_shard(plane: u32, shard: usize) -> Result<(), IoError> {
    find(plane)?.seat(shard)?.waker.wake();
    Ok(())
}

/// Of a shard that was never started: `stopped` and nothing counted.
pub fn shard_snapshot(plane: u32, shard: usize) -> Result<ShardSnapshot, IoError> {
    let entry = find(plane)?;
    let thread = entry.seat(shard)?.thread();
    let now = clock::now();
    let Some(thread) = thread.as_ref() else {
        let (counters, drops, hops, peers) = Default::default();
        return Ok(ShardSnapshot {
            life: Life::Stopped,
            counters,
            drops,
            hops,
            peers,
            now,
        });
    };
    let stats = thread.stats();
    Ok(ShardSnapshot {
        life: thread.state().life(),
        counters: stats
            .counters()
            .chain(thread.state().io.named())
            .chain(thread.state().io.streams.named())
            .chain(entry.guard().of(shard).named())
            .collect(),
        drops: stats.drops().collect(),
        hops: stats.hops().collect(),
        peers: stats.peers(),
        now,
    })
}

/// What happened between a shard and the system; nothing of a shard that was never started.
pub fn shard_io(plane: u32, shard: usize) -> Result<Vec<(&'static str, u64)>, IoError> {
    let entry = find(plane)?;
    let thread = entry.seat(shard)?.thread();
    let Some(thread) = thread.as_ref() else {
        return Ok(Vec::new());
    };
    let unsteered = thread.stats().counter(Counter::RoutesNotSteered);
    let mut io = thread.state().io.named().to_vec();
    io.extend(thread.state().io.streams.named());
    io.push((Counter::RoutesNotSteered.name(), unsteered));
    Ok(io)
}

/// How often the data thread has failed, and what it said last.
pub fn shard_panics(plane: u32, shard: usize) -> Result<(u64, String), IoError> {
    let entry = find(plane)?;
    let thread = entry.seat(shard)?.thread();
    Ok(thread
        .as_ref()
        .map_or_else(Default::default, |thread| thread.state().panics()))
}

/// Of a shard that was never started: `stopped`.
pub fn shard_life(plane: u32, shard: usize) -> Result<Life, IoError> {
    let entry = find(plane)?;
    let thread = entry.seat(shard)?.thread();
    Ok(thread
        .as_ref()
        .map_or(Life::Stopped, |thread| thread.state().life()))
}

/// See `SnapshotStore::store`.
pub fn store_snapshot(
    plane: u32,
    shard: usize,
    peer: u32,
    bytes: &[u8],
    companion: Option<Companion>,
) -> Result<bool, IoError> {
    find(plane)?.snapshots.store(shard, peer, bytes, companion)
}

/// See `SnapshotStore::companion`.
pub fn snapshot_companion(
    plane: u32,
    shard: usize,
    peer: u32,
) -> Result<Option<Companion>, IoError> {
    find(plane)?.snapshots.companion(shard, peer)
}

pub fn drop_snapshot(plane: u32, shard: usize, peer: u32) -> Result<(), IoError> {
    find(plane)?.snapshots.forget(shard, peer)
}

pub fn read_snapshots(plane: u32, shard: usize) -> Result<Vec<(u32, Snapshot)>, IoError> {
    find(plane)?.snapshots.read(shard)
}

/// The peers that the shard's data thread serves, and where each of them is; `None` for one whose path has got another
/// owner. Nobody in a shard that was never started.
pub fn shard_peers(plane: u32, shard: usize) -> Result<Vec<(PeerId, Option<PeerAddr>)>, IoError> {
    let entry = find(plane)?;
    let thread = entry.seat(shard)?.thread();
    let Some(thread) = thread.as_ref() else {
        return Ok(Vec::new());
    };
    let paths: BTreeMap<PeerId, PeerAddr> = entry.plane.addresses.owners().into_iter().collect();
    let peers = thread.stats().peers();
    Ok(peers
        .iter()
        .map(|snapshot| (snapshot.peer, paths.get(&snapshot.peer).copied()))
        .collect())
}

/// For tests: the data thread panics at its next turn.
pub fn inject_panic(plane: u32, shard: usize) -> Result<(), IoError> {
    let entry = find(plane)?;
    let thread = entry.seat(shard)?.thread();
    if let Some(thread) = thread.as_ref() {
        thread.inject_panic();
    }
    Ok(())
}

/// As many as the control channel's steering and 24-bit peer-ids could ever use sensibly.
const MAX_SHARDS: usize = 1024;

static REGISTRY: RwLock<Registry> = RwLock::new(Registry {
    last: 0,
    planes: BTreeMap::new(),
});

struct Registry {
    last: u32,
    planes: BTreeMap<u32, Arc<Entry>>,
}

pub(crate) struct Entry {
    plane: Arc<Plane>,
    pub seats: Vec<Seat>,
    snapshots: SnapshotStore,
    steering: Mutex<Option<RouteSteering>>,
    guard: Mutex<SocketGuard>,
    streams: Arc<StreamSettings>,
}

/// The place of one shard; data thread and worker come and go independently.
pub(crate) struct Seat {
    waker: Arc<Waker>,
    worker: Arc<WorkerPort>,
    thread: Mutex<Option<ShardThread>>,
}

impl Entry {
    fn seat(&self, shard: usize) -> Result<&Seat, IoError> {
        self.seats
            .get(shard)
            .ok_or_else(|| IoError::invalid(format!("find shard {shard} of {}", self.seats.len())))
    }

    fn steering(&self) -> MutexGuard<'_, Option<RouteSteering>> {
        self.steering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guard(&self) -> MutexGuard<'_, SocketGuard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hops_out(&self, rings: Vec<Option<SharedMemory>>) -> Result<Vec<Option<HopOut>>, IoError> {
        let open = |(shard, ring): (usize, Option<SharedMemory>)| {
            let Some(ring) = ring else { return Ok(None) };
            let neighbour = Arc::clone(&self.seat(shard)?.waker);
            Ok(Some(HopOut::new(RingProducer::new(ring)?, neighbour)))
        };
        rings.into_iter().enumerate().map(open).collect()
    }
}

impl Seat {
    fn new() -> Result<Seat, IoError> {
        Ok(Seat {
            waker: Arc::new(Waker::new()?),
            worker: Arc::default(),
            thread: Mutex::new(None),
        })
    }

    pub fn thread(&self) -> MutexGuard<'_, Option<ShardThread>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn find(plane: u32) -> Result<Arc<Entry>, IoError> {
    let registry = REGISTRY.read().unwrap_or_else(PoisonError::into_inner);
    registry
        .planes
        .get(&plane)
        .cloned()
        .ok_or_else(|| IoError::invalid(format!("find plane {plane}")))
}

/// Of a connection: an inner packet with all that may surround it, or the longest control packet. [wire 1]
fn max_packet(settings: &PlaneSettings) -> usize {
    (usize::from(settings.tun_mtu) + 512).max(2048)
}

fn open_queue(tun: Option<RawFd>) -> Result<(Option<TunQueue>, TunOffloads), IoError> {
    let Some(fd) = tun else {
        return Ok((None, TunOffloads::default()));
    };
    let fd = duplicate(fd, "a TUN queue")?;
    let names = negotiate_offloads(&fd);
    let has = |name: &str| names.contains(&name);
    let offloads = TunOffloads {
        tso4: has("tso4"),
        tso6: has("tso6"),
        uso: has("uso4") && has("uso6"),
    };
    Ok((Some(TunQueue::new(fd)), offloads))
}
