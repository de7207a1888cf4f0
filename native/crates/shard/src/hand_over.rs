//! The sessions of a plane on their way to another process.
//!
//! The old process halts its data threads, which settles what is in the rings, and sends the sessions; the new one takes
//! them in and starts its own threads. Until the old one forgets its plane it can take the sessions back.
//!
//! Little-endian: `u32 shards`, and for each shard `u64` length and the snapshot of its data path, then `u32` number of
//! records that its worker has not read, each `u32 kind, u32 length` and the record, then `u32` number of snapshots that
//! its workers have kept, each `u32 peer, u32 length` and the snapshot.

use std::os::fd::{OwnedFd, RawFd};

use datapath::SnapshotError;
use netio::IoError;
use zeroize::Zeroizing;

use crate::clock;
use crate::registry::{Entry, find, read_snapshots, store_snapshot};
use crate::ring::RingConsumer;
use crate::shard_thread::{Life, ShardBody, ShardThread};

/// Halts every data thread of the plane, between two turns. What arrives meanwhile waits in the kernel. After an error
/// they run as before.
pub fn halt_plane(plane: u32) -> Result<(), IoError> {
    let entry = find(plane)?;
    for shard in 0..entry.seats.len() {
        let thread = entry.seats[shard].thread();
        let runs = thread
            .as_ref()
            .is_some_and(|thread| thread.state().life() == Life::Running);
        if !runs {
            return Err(IoError::busy(format!(
                "halt shard {shard}, which does not run"
            )));
        }
    }
    let halted = halt_all(&entry);
    if halted.is_err() {
        go_on(&entry)?;
    }
    halted
}

/// The sessions of a halted plane, secrets and all.
pub fn encode_plane(plane: u32) -> Result<Zeroizing<Vec<u8>>, IoError> {
    let entry = find(plane)?;
    let now = clock::now();
    let mut shards = Vec::new();
    for_each_body(&entry, |shard, body| {
        let sessions = body.data_path.encode_sessions(now);
        shards.push((sessions, unread(body)?, kept(plane, shard)?));
        Ok(())
    })?;
    let len = |(a, b, c): &(Zeroizing<Vec<u8>>, Vec<u8>, Zeroizing<Vec<u8>>)| {
        8 + a.len() + b.len() + c.len()
    };
    let size: usize = shards.iter().map(len).sum();
    // Growing would leave copies of keys behind.
    let mut out = Zeroizing::new(Vec::with_capacity(4 + size));
    out.extend_from_slice(&(shards.len() as u32).to_le_bytes());
    for (sessions, records, snapshots) in &shards {
        out.extend_from_slice(&(sessions.len() as u64).to_le_bytes());
        out.extend_from_slice(sessions);
        out.extend_from_slice(records);
        out.extend_from_slice(snapshots);
    }
    Ok(out)
}

/// The TCP connections of a halted plane, which go before its sessions: shard by shard as `Streams::encode` writes them, and
/// their descriptors, which stay the plane's.
pub fn encode_streams(plane: u32) -> Result<(Vec<u8>, Vec<RawFd>), IoError> {
    let (mut out, mut fds) = (Vec::new(), Vec::new());
    for_each_body(&*find(plane)?, |_, body| {
        out.extend(body.event_loop.streams().encode(&mut fds));
        Ok(())
    })?;
    Ok((out, fds))
}

/// Takes in what `encode_streams` has written elsewhere, before `take_over_plane`.
pub fn take_over_streams(plane: u32, bytes: &[u8], fds: Vec<OwnedFd>) -> Result<(), IoError> {
    let (now, mut rest, mut fds) = (clock::now(), bytes, fds.into_iter());
    for_each_body(&*find(plane)?, |_, body| {
        let taken = body.event_loop.streams().decode(now, &mut rest, &mut fds);
        taken.ok_or_else(|| refused("whose connections make no sense"))
    })?;
    if rest.is_empty() && fds.next().is_none() {
        Ok(())
    } else {
        Err(refused("with more connections than were announced"))
    }
}

/// Takes in what `encode_plane` has written elsewhere, and starts the data threads, which `prepare_shard` has set up.
/// The number of sessions. After an error the plane is not to be used.
pub fn take_over_plane(plane: u32, bytes: &[u8]) -> Result<usize, IoError> {
    let entry = find(plane)?;
    let mut rest = bytes;
    if take_u32(&mut rest)? as usize != entry.seats.len() {
        return Err(refused("of another number of shards"));
    }
    let now = clock::now();
    let mut sessions = 0;
    for_each_body(&entry, |shard, body| {
        let len = usize::try_from(take_u64(&mut rest)?).map_err(|_| refused("of that size"))?;
        let taken = body.data_path.decode_sessions(now, take(&mut rest, len)?);
        sessions += taken.map_err(|error| refused(&describe(shard, error)))?;
        let ring = body.event_loop.to_worker();
        for _ in 0..take_u32(&mut rest)? {
            let (kind, len) = (take_u32(&mut rest)?, take_u32(&mut rest)?);
            // Full: lost as on any network.
            ring.push(kind, &[take(&mut rest, len as usize)?]);
        }
        ring.publish();
        for _ in 0..take_u32(&mut rest)? {
            let (peer, len) = (take_u32(&mut rest)?, take_u32(&mut rest)?);
            // Not kept: the client connects again at its next renegotiation.
            store_snapshot(plane, shard, peer, take(&mut rest, len as usize)?, None)?;
        }
        Ok(())
    })?;
    if !rest.is_empty() {
        return Err(refused("with more behind them"));
    }
    go_on(&entry)?;
    Ok(sessions)
}

/// The halted threads go on with sessions that another process may have used, and does not any more.
pub fn take_back_plane(plane: u32) -> Result<(), IoError> {
    let entry = find(plane)?;
    for_each_body(&entry, |_, body| {
        body.data_path.take_back();
        Ok(())
    })?;
    go_on(&entry)
}

fn halt_all(entry: &Entry) -> Result<(), IoError> {
    for seat in &entry.seats {
        seat.thread().as_ref().map(ShardThread::ask_to_halt);
    }
    for seat in &entry.seats {
        seat.thread().as_mut().and_then(ShardThread::halt);
    }
    // A packet takes one hop at most, so the second round finds nothing but what the first has handed on.
    let mut some = true;
    while some {
        some = false;
        for_each_body(entry, |_, body| {
            some |= body.event_loop.settle(&mut body.data_path);
            Ok(())
        })?;
    }
    Ok(())
}

fn go_on(entry: &Entry) -> Result<(), IoError> {
    for seat in &entry.seats {
        seat.thread().as_mut().map_or(Ok(()), ShardThread::go_on)?;
    }
    Ok(())
}

fn for_each_body(
    entry: &Entry,
    mut visit: impl FnMut(usize, &mut ShardBody) -> Result<(), IoError>,
) -> Result<(), IoError> {
    for (shard, seat) in entry.seats.iter().enumerate() {
        let mut thread = seat.thread();
        let body = thread.as_mut().and_then(ShardThread::body);
        visit(
            shard,
            body.ok_or_else(|| IoError::busy(format!("use shard {shard}, it has not halted")))?,
        )?;
    }
    Ok(())
}

/// What the worker has not read, left where it is: the worker may yet do it.
fn unread(body: &mut ShardBody) -> Result<Vec<u8>, IoError> {
    let mut ring = RingConsumer::new(body.event_loop.to_worker().memory().clone())?;
    let (mut count, mut records) = (0u32, vec![0; 4]);
    while let Some(record) = ring.next_record() {
        records.extend_from_slice(&record.kind.to_le_bytes());
        records.extend_from_slice(&(record.payload.len() as u32).to_le_bytes());
        records.extend_from_slice(record.payload);
        count += 1;
    }
    records[..4].copy_from_slice(&count.to_le_bytes());
    Ok(records)
}

/// What the workers need to go on with the sessions.
fn kept(plane: u32, shard: usize) -> Result<Zeroizing<Vec<u8>>, IoError> {
    let snapshots = read_snapshots(plane, shard)?;
    let size: usize = snapshots.iter().map(|(_, bytes)| 8 + bytes.len()).sum();
    // Growing would leave copies of keys behind.
    let mut out = Zeroizing::new(Vec::with_capacity(4 + size));
    out.extend_from_slice(&(snapshots.len() as u32).to_le_bytes());
    for (peer, bytes) in &snapshots {
        out.extend_from_slice(&peer.to_le_bytes());
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(bytes);
    }
    Ok(out)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], IoError> {
    let (head, tail) = rest
        .split_at_checked(len)
        .ok_or_else(|| refused("that end early"))?;
    *rest = tail;
    Ok(head)
}

fn take_u32(rest: &mut &[u8]) -> Result<u32, IoError> {
    let bytes = take(rest, 4)?;
    Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

fn take_u64(rest: &mut &[u8]) -> Result<u64, IoError> {
    let (low, high) = (take_u32(rest)?, take_u32(rest)?);
    Ok(u64::from(low) | u64::from(high) << 32)
}

fn describe(shard: usize, error: SnapshotError) -> String {
    match error {
        SnapshotError::Malformed => format!("of shard {shard}, they make no sense"),
        SnapshotError::ForeignShard => format!("of shard {shard}, they are another's"),
        SnapshotError::Refused(why) => format!("of shard {shard}: {why:?}"),
    }
}

fn refused(what: &str) -> IoError {
    IoError::invalid(format!("take over sessions {what}"))
}
