//! The load threads of the process, keyed by number: traffic runs between all of them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use datapath::{DataPath, Plane, PlaneSettings, Role, ShardStats, TunOffloads};
use netio::IoError;
use netio::mem::SharedMemory;
use netio::udp_client::{UdpClientOptions, open_udp_client};
use netio::wake::Waker;
use shard::outlet::Outlet;
use shard::ring::{RingConsumer, RingProducer};
use shard::shard_thread::ShardState;
use shard::streams::Streams;
use shard::worker_port::{OnWake, WorkerPort};

use crate::account::Account;
use crate::clock::{self, Nanos};
use crate::flow::{Board, Flow};
use crate::ledger::{FlowPlan, Strays};
use crate::load_loop::{LoadLoop, LoadState, Move};
use crate::local_ports::LocalPorts;
use crate::pacer::Pacer;
use crate::tally::Tally;
use crate::traffic::{Source, Traffic};

pub struct LoadOptions {
    pub remote: SocketAddr,
    /// Sockets; the number of one is the `listener` of its client's paths.
    pub clients: usize,
    pub to_data: SharedMemory,
    pub to_worker: SharedMemory,
}

/// What the clients send.
pub struct TrafficPlan {
    pub mode: Mode,
    /// UDP payload.
    pub payload: usize,
    pub flows: Vec<PlannedFlow>,
    /// Packets come back to the client that has sent them.
    pub echo: bool,
}

#[derive(Clone, Copy)]
pub enum Mode {
    /// Packets per second and client.
    Paced(f64),
    /// Packets under way per client.
    Window(u64),
    /// Whatever a thread can send.
    Flood,
}

pub struct PlannedFlow {
    pub load: u32,
    pub flow: Flow,
}

/// Opens the sockets and starts the thread.
pub fn open(options: LoadOptions) -> Result<u32, IoError> {
    if options.clients == 0 || options.clients > usize::from(u16::MAX) {
        return Err(IoError::invalid(format!(
            "simulate {} clients on one thread",
            options.clients
        )));
    }
    let (waker, worker) = (Arc::new(Waker::new()?), Arc::<WorkerPort>::default());
    let state = Arc::new(LoadState {
        stop: AtomicBool::new(false),
        traffic: Mutex::new(Traffic::quiet()),
        ledger: Mutex::default(),
        moves: Mutex::default(),
        shard: Arc::new(ShardState::new()),
    });
    let sockets = open_sockets(options.remote, options.clients)?;
    // These clients come over UDP.
    let streams = Streams::new(Arc::default(), Arc::clone(&state.shard), 2048)?;
    let outlet = Outlet::new(
        sockets,
        None,
        streams,
        Vec::new(),
        RingProducer::new(options.to_worker)?,
        Arc::clone(&worker),
        Arc::clone(&state.shard),
    );
    let commands = RingConsumer::new(options.to_data)?;
    let mut event_loop = LoadLoop::new(outlet, commands, Arc::clone(&waker), Arc::clone(&state))?;
    let mut data_path = data_path(options.clients);
    let stats = Arc::clone(data_path.stats());
    let thread = thread::Builder::new()
        .name("load".to_owned())
        .spawn(move || event_loop.run(&mut data_path))
        .map_err(|error| IoError::new(error.raw_os_error().unwrap_or(0), "start a load thread"))?;
    let seat = Seat {
        remote: options.remote,
        clients: options.clients,
        state,
        stats,
        waker,
        worker,
        thread: Some(thread),
    };
    let mut registry = registry();
    registry.last += 1;
    let id = registry.last;
    registry.loads.insert(id, seat);
    Ok(id)
}

pub fn attach(load: u32, on_wake: OnWake) -> Result<(), IoError> {
    let worker = Arc::clone(&find(&mut registry().loads, load)?.worker);
    worker.attach(on_wake);
    Ok(())
}

pub fn wake(load: u32) -> Result<(), IoError> {
    find(&mut registry().loads, load)?.waker.wake();
    Ok(())
}

/// Replaces a client's socket by one of another port, and of another local address when one is named. Its session stays.
pub fn move_client(load: u32, client: u32, local_host: Option<IpAddr>) -> Result<(), IoError> {
    let mut registry = registry();
    let registry = &mut *registry;
    let seat = find(&mut registry.loads, load)?;
    if client as usize >= seat.clients {
        return Err(IoError::invalid(format!("move client {client}")));
    }
    let remote = seat.remote;
    let socket = (registry.ports).bind_next(|port| open_socket(remote, local_host, port))?;
    seat.state.enqueue_move(Move { client, socket });
    seat.waker.wake();
    Ok(())
}

pub fn take_moves(load: u32) -> Result<Vec<(u32, Nanos)>, IoError> {
    Ok(find(&mut registry().loads, load)?
        .state
        .ledger()
        .take_moves())
}

/// Starts a flow beside those that run; its number.
pub fn open_flow(load: u32, plan: FlowPlan) -> Result<u32, IoError> {
    let mut registry = registry();
    let seat = find(&mut registry.loads, load)?;
    let flow = seat.state.ledger().open(clock::now(), plan);
    seat.waker.wake();
    Ok(flow)
}

pub fn stop_flow(load: u32, flow: u32) -> Result<(), IoError> {
    find(&mut registry().loads, load)?.state.ledger().stop(flow);
    Ok(())
}

pub fn close_flow(load: u32, flow: u32) -> Result<Account, IoError> {
    let account = find(&mut registry().loads, load)?
        .state
        .ledger()
        .close(flow);
    account.ok_or_else(|| IoError::invalid(format!("close flow {flow}")))
}

pub fn strays(load: u32) -> Result<Strays, IoError> {
    Ok(find(&mut registry().loads, load)?.state.ledger().strays)
}

/// Ends the thread after its last commands. One that does not exist is closed already.
pub fn close(load: u32) {
    let seat = registry().loads.remove(&load);
    drop(seat);
}

/// Forgets what was counted and starts to send.
pub fn start_traffic(plan: TrafficPlan) {
    let mut registry = registry();
    let receivers = plan
        .flows
        .iter()
        .map(|planned| receiver(planned, plan.echo));
    let board = Arc::new(Board::new(receivers.collect()));
    let mut flows: BTreeMap<u32, Vec<Flow>> = BTreeMap::new();
    for planned in plan.flows {
        flows.entry(planned.load).or_default().push(planned.flow);
    }
    for (id, seat) in &mut registry.loads {
        let flows = flows.remove(id).unwrap_or_default();
        let source = match plan.mode {
            _ if flows.is_empty() => Source::Quiet,
            Mode::Paced(rate) => Source::Paced(Pacer::new(clock::now(), rate * flows.len() as f64)),
            Mode::Window(window) => Source::Window(window),
            Mode::Flood => Source::Flood,
        };
        *seat.state.traffic() = Traffic::new(source, flows, Arc::clone(&board), plan.payload);
        seat.waker.wake();
    }
}

pub fn stop_traffic() {
    for seat in registry().loads.values() {
        seat.state.traffic().stop_sending();
    }
}

/// Of all threads together.
pub fn tally() -> Tally {
    let mut sum = Tally::default();
    for seat in registry().loads.values() {
        sum.add(&seat.state.traffic().tally);
    }
    sum
}

/// Counters of all threads together, those that are not 0; drops by reason are named `drop-REASON`.
pub fn counters() -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for seat in registry().loads.values() {
        let named = seat.stats.counters().chain(seat.state.shard.io.named());
        let named = named.map(|(name, value)| (name.to_owned(), value));
        let drops = seat.stats.drops();
        let drops = drops.map(|(name, value)| (format!("drop-{name}"), value));
        for (name, value) in named.chain(drops).filter(|(_, value)| *value != 0) {
            *sums.entry(name).or_default() += value;
        }
    }
    sums
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    last: 0,
    loads: BTreeMap::new(),
    ports: LocalPorts::new(),
});

struct Registry {
    last: u32,
    loads: BTreeMap<u32, Seat>,
    /// Of clients that have moved.
    ports: LocalPorts,
}

/// A load thread. Dropping it stops and joins the thread.
struct Seat {
    remote: SocketAddr,
    clients: usize,
    state: Arc<LoadState>,
    stats: Arc<ShardStats>,
    waker: Arc<Waker>,
    worker: Arc<WorkerPort>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.worker.detach();
    }
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

fn find(loads: &mut BTreeMap<u32, Seat>, load: u32) -> Result<&mut Seat, IoError> {
    loads
        .get_mut(&load)
        .ok_or_else(|| IoError::invalid(format!("find load thread {load}")))
}

fn receiver(planned: &PlannedFlow, echo: bool) -> Ipv4Addr {
    let route = &planned.flow.route;
    if echo {
        route.source
    } else {
        route.destination
    }
}

fn open_sockets(remote: SocketAddr, count: usize) -> Result<Vec<OwnedFd>, IoError> {
    (0..count).map(|_| open_socket(remote, None, 0)).collect()
}

fn open_socket(
    remote: SocketAddr,
    local_host: Option<IpAddr>,
    local_port: u16,
) -> Result<OwnedFd, IoError> {
    let options = UdpClientOptions {
        options: netio::socket_options::SocketOptions::default(),
        remote,
        local_host,
        local_port,
        receive_buffer: 0,
        send_buffer: 0,
    };
    open_udp_client(&options).map(|client| client.socket)
}

/// The clients are peers by the ids that their server has dealt them. Nothing is routed and nothing is coalesced.
fn data_path(clients: usize) -> DataPath {
    let plane = Plane::new(PlaneSettings {
        role: Role::Client,
        shards: 1,
        client_to_client: false,
        mssfix: datapath::mss::MssFix::Off,
        tun_mtu: 1500,
        max_peers: clients,
    });
    DataPath::new(Arc::new(plane), 0, TunOffloads::default())
}
