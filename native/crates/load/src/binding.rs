//! What JavaScript sees; bench/load/src/load-native.ts is its typed face. Conversions only.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datapath::PeerId;
use napi::bindgen_prelude::{Uint8Array, Uint32Array};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use netio::mem::SharedMemory;

use crate::clock::{self, Nanos, SECOND};
use crate::echo::{Echo, Task};
use crate::error::{Result, invalid, to_js};
use crate::flow::Flow;
use crate::ledger::FlowPlan;
use crate::packet::{CLIENT_PORT, MIN_PAYLOAD, Route};
use crate::registry::{self, LoadOptions, Mode, PlannedFlow, TrafficPlan};

#[napi(object, object_to_js = false)]
pub struct OpenLoad {
    pub host: String,
    pub port: u32,
    pub clients: u32,
    pub to_data: Uint8Array,
    pub to_worker: Uint8Array,
}

#[napi]
pub fn open_load(env: Env, options: OpenLoad) -> Result<u32> {
    let remote = SocketAddr::new(parse_ip(&options.host)?, port(options.port)?);
    let mut views = Vec::new();
    let load = registry::open(LoadOptions {
        remote,
        clients: options.clients as usize,
        to_data: open_view(options.to_data, &mut views),
        to_worker: open_view(options.to_worker, &mut views),
    })
    .map_err(to_js)?;
    lock(&VIEWS).insert(load, views);
    // The rings' memory goes with the environment that made it, so the thread ends first.
    let hook = env.add_env_cleanup_hook(load, close_load);
    hook.map(drop)
        .map_err(|error| invalid(format!("watch the end of the worker: {error}")))?;
    Ok(load)
}

/// INVARIANT: on the JavaScript thread that has opened it, because that one owns the views.
#[napi]
pub fn close_load(load: u32) {
    registry::close(load);
    let views = lock(&VIEWS).remove(&load);
    drop(views);
}

type WakeFunction = ThreadsafeFunction<(), napi::Unknown<'static>, (), Status, false, true, 1>;

#[napi]
pub fn attach_load(load: u32, on_wake: WakeFunction) -> Result<()> {
    let call = move || {
        // Refused when a call is waiting or the worker is gone; both are fine.
        on_wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    };
    registry::attach(load, Arc::new(call)).map_err(to_js)
}

#[napi]
pub fn wake_load(load: u32) -> Result<()> {
    registry::wake(load).map_err(to_js)
}

#[napi(object, use_nullable = true)]
pub struct StartTraffic {
    /// Packets per second and client; null sends with a window.
    pub pace: Option<f64>,
    /// Packets under way per client; null with a null pace sends whatever a thread can.
    pub window: Option<u32>,
    pub payload: u32,
    /// UDP port of the other end; null = from client to client.
    pub echo_port: Option<u32>,
    /// Load thread, peer-id, source and destination (big-endian numbers) of each.
    pub flows: Uint32Array,
}

#[napi]
pub fn start_traffic(options: StartTraffic) -> Result<()> {
    let payload = payload_len(options.payload)?;
    let to = options.echo_port.map_or(Ok(CLIENT_PORT), port)?;
    let rows = options.flows.chunks_exact(4).enumerate();
    let flows = rows.map(|(number, row)| PlannedFlow {
        load: row[0],
        flow: Flow::new(
            number as u32,
            PeerId(row[1]),
            Route {
                source: Ipv4Addr::from(row[2]),
                destination: Ipv4Addr::from(row[3]),
                port: to,
            },
        ),
    });
    let mode = match (options.pace, options.window) {
        (Some(rate), _) if rate.is_finite() && rate > 0.0 => Mode::Paced(rate),
        (Some(rate), _) => return Err(invalid(format!("send {rate} packets a second"))),
        (None, Some(window)) => Mode::Window(u64::from(window.max(1))),
        (None, None) => Mode::Flood,
    };
    registry::start_traffic(TrafficPlan {
        mode,
        payload,
        flows: flows.collect(),
        echo: options.echo_port.is_some(),
    });
    Ok(())
}

#[napi]
pub fn stop_traffic() {
    registry::stop_traffic();
}

#[napi(object)]
pub struct TrafficTally {
    pub sent: f64,
    pub sent_bytes: f64,
    pub unsent: f64,
    pub received: f64,
    pub received_bytes: f64,
    pub reordered: f64,
    pub duplicated: f64,
    pub corrupted: f64,
    pub foreign: f64,
    /// Microseconds, one for each of the parts asked for.
    pub latency: Vec<f64>,
}

/// Of all threads since the last start; `parts` between 0 and 1.
#[napi]
pub fn traffic_tally(parts: Vec<f64>) -> TrafficTally {
    let tally = registry::tally();
    TrafficTally {
        sent: tally.sent as f64,
        sent_bytes: tally.sent_bytes as f64,
        unsent: tally.unsent as f64,
        received: tally.received as f64,
        received_bytes: tally.received_bytes as f64,
        reordered: tally.reordered as f64,
        duplicated: tally.duplicated as f64,
        corrupted: tally.corrupted as f64,
        foreign: tally.foreign as f64,
        latency: parts
            .iter()
            .map(|part| tally.latency_at(*part) as f64 / 1000.0)
            .collect(),
    }
}

#[napi]
pub fn move_client(load: u32, client: u32, local_host: Option<String>) -> Result<()> {
    let local_host = local_host.as_deref().map(parse_ip).transpose()?;
    registry::move_client(load, client, local_host).map_err(to_js)
}

/// Client and milliseconds of each.
#[napi]
pub fn take_moves(load: u32) -> Result<Vec<f64>> {
    let moves = registry::take_moves(load).map_err(to_js)?.into_iter();
    Ok(moves
        .flat_map(|(client, at)| [f64::from(client), milliseconds(at)])
        .collect())
}

#[napi(object, use_nullable = true)]
pub struct OpenFlow {
    pub peer_id: u32,
    pub source: u32,
    pub destination: u32,
    /// UDP port of the other end, which sends everything back; null = the destination is another client.
    pub echo_port: Option<u32>,
    /// Packets a second.
    pub pace: f64,
    pub payload: u32,
}

#[napi]
pub fn open_flow(load: u32, options: OpenFlow) -> Result<u32> {
    let pace = options.pace;
    if !(pace.is_finite() && pace > 0.0) {
        return Err(invalid(format!("send {pace} packets a second")));
    }
    let plan = FlowPlan {
        peer: PeerId(options.peer_id),
        route: Route {
            source: Ipv4Addr::from(options.source),
            destination: Ipv4Addr::from(options.destination),
            port: options.echo_port.map_or(Ok(CLIENT_PORT), port)?,
        },
        echo: options.echo_port.is_some(),
        interval: (SECOND as f64 / pace) as Nanos,
        payload: payload_len(options.payload)?,
    };
    registry::open_flow(load, plan).map_err(to_js)
}

#[napi]
pub fn stop_flow(load: u32, flow: u32) -> Result<()> {
    registry::stop_flow(load, flow).map_err(to_js)
}

#[napi(object)]
pub struct FlowAccount {
    pub sent: f64,
    pub unsent: f64,
    pub received: f64,
    pub reordered: f64,
    pub duplicated: f64,
    /// First number, packets, and milliseconds at which the first and the last were sent, of each.
    pub gaps: Vec<f64>,
}

#[napi]
pub fn close_flow(load: u32, flow: u32) -> Result<FlowAccount> {
    let account = registry::close_flow(load, flow).map_err(to_js)?;
    let gaps = account.gaps().into_iter();
    Ok(FlowAccount {
        sent: account.sent() as f64,
        unsent: account.unsent as f64,
        received: account.received as f64,
        reordered: account.reordered as f64,
        duplicated: account.duplicated as f64,
        gaps: gaps
            .flat_map(|gap| {
                let (from, to) = (milliseconds(gap.from), milliseconds(gap.to));
                [gap.first as f64, gap.packets as f64, from, to]
            })
            .collect(),
    })
}

#[napi(object)]
pub struct StrayPackets {
    pub corrupted: f64,
    pub late: f64,
    pub foreign: f64,
}

#[napi]
pub fn stray_packets(load: u32) -> Result<StrayPackets> {
    let strays = registry::strays(load).map_err(to_js)?;
    Ok(StrayPackets {
        corrupted: strays.corrupted as f64,
        late: strays.late as f64,
        foreign: strays.foreign as f64,
    })
}

/// Milliseconds on the clock of accounts and moves.
#[napi]
pub fn load_clock() -> f64 {
    milliseconds(clock::now())
}

#[napi(object)]
pub struct LoadCounter {
    pub name: String,
    pub value: f64,
}

#[napi]
pub fn load_counters() -> Vec<LoadCounter> {
    let named = registry::counters().into_iter();
    named
        .map(|(name, value)| LoadCounter {
            name,
            value: value as f64,
        })
        .collect()
}

#[napi(object, use_nullable = true)]
pub struct StartEcho {
    pub host: String,
    pub port: u32,
    /// Send back what comes.
    pub answers: bool,
    /// Bytes of payload to send without end to whoever asks; null = none.
    pub flood: Option<u32>,
    /// One by one, and not in runs that the kernel cuts.
    pub single: bool,
    /// So many a second for each client; null = as many as it can.
    pub pps: Option<f64>,
}

#[napi]
pub fn start_echo(options: StartEcho) -> Result<()> {
    let task = match options.flood {
        Some(payload) => Task::Flood {
            payload: payload_len(payload)?,
            single: options.single,
            pps: options.pps,
        },
        None if options.answers => Task::Answer,
        None => Task::Take,
    };
    let address = SocketAddr::new(parse_ip(&options.host)?, port(options.port)?);
    *lock(&ECHO) = Some(Echo::start(address, task).map_err(to_js)?);
    Ok(())
}

#[napi(object)]
pub struct EchoTally {
    pub packets: f64,
    pub bytes: f64,
    pub sent: f64,
}

#[napi]
pub fn stop_echo() -> Option<EchoTally> {
    lock(&ECHO).take().map(|echo| EchoTally {
        packets: echo.counters().packets.load(Ordering::Relaxed) as f64,
        bytes: echo.counters().bytes.load(Ordering::Relaxed) as f64,
        sent: echo.counters().sent.load(Ordering::Relaxed) as f64,
    })
}

/// What fits through a tunnel of 1500 bytes; longer ones would be fragmented inside.
const MAX_PAYLOAD: usize = 1472;

static ECHO: Mutex<Option<Echo>> = Mutex::new(None);
static VIEWS: Mutex<BTreeMap<u32, Vec<Arc<Uint8Array>>>> = Mutex::new(BTreeMap::new());

fn open_view(view: Uint8Array, views: &mut Vec<Arc<Uint8Array>>) -> SharedMemory {
    let view = Arc::new(view);
    views.push(Arc::clone(&view));
    SharedMemory::adopt(view)
}

fn milliseconds(at: Nanos) -> f64 {
    at as f64 / 1e6
}

fn lock<T>(mutex: &'static Mutex<T>) -> MutexGuard<'static, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn payload_len(bytes: u32) -> Result<usize> {
    let bytes = bytes as usize;
    if (MIN_PAYLOAD..=MAX_PAYLOAD).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(invalid(format!("send payloads of {bytes} bytes")))
    }
}

fn parse_ip(text: &str) -> Result<IpAddr> {
    text.parse()
        .map_err(|_| invalid(format!("use {text} as a numeric address")))
}

fn port(number: u32) -> Result<u16> {
    u16::try_from(number).map_err(|_| invalid(format!("use {number} as a port")))
}
