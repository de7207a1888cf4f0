use datapath::{CommandError, DataPath, Millis};

use crate::control_ring::{Command, decode_command, holds_secrets};
use crate::outlet::Outlet;
use crate::ring::RingConsumer;

/// Commands carried out and refused in one drain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    pub records: usize,
    pub refused: u64,
}

/// Carries out at most `limit` records of the worker, in its order.
pub fn drain_commands(
    ring: &mut RingConsumer,
    limit: usize,
    now: Millis,
    data_path: &mut DataPath,
    outlet: &mut Outlet,
) -> Drained {
    let mut drained = Drained::default();
    while drained.records < limit {
        let Some(record) = ring.next_record() else {
            break;
        };
        drained.records += 1;
        let (kind, payload) = (record.kind, &*record.payload);
        let command = decode_command(kind, payload);
        let done =
            command.is_some_and(|command| carry_out(command, now, data_path, outlet).is_ok());
        drained.refused += u64::from(!done);
        if holds_secrets(kind) {
            ring.erase_last();
        }
    }
    if drained.records > 0 {
        ring.release();
    }
    drained
}

fn carry_out(
    command: Command<'_>,
    now: Millis,
    data_path: &mut DataPath,
    outlet: &mut Outlet,
) -> Result<(), CommandError> {
    match command {
        Command::Transmit { to, packet } => {
            data_path.note_control_sent(now, &to, packet);
            outlet.transmit(&to, packet);
            Ok(())
        }
        Command::AddPeer(add) => {
            let path = add.path;
            data_path.add_peer(now, add)?;
            outlet.streams.note_served(&path);
            Ok(())
        }
        Command::InstallKey(install) => data_path.install_key(install),
        Command::UseKey(peer, key) => data_path.use_key(peer, key),
        Command::RetireKey(peer, key) => data_path.retire_key(peer, key),
        Command::TouchPeer(peer) => data_path.touch_peer(now, peer),
        // One that a reset has taken away is what the worker wants, or is about to hear of.
        Command::RemovePeer(peer) => {
            if let Some(path) = data_path.path_of(peer) {
                outlet.streams.note_unserved(now, &path);
            }
            match data_path.remove_peer(peer) {
                Err(CommandError::UnknownPeer) => Ok(()),
                result => result,
            }
        }
        Command::UpdatePeer(update) => match data_path.update_peer(now, update) {
            Err(CommandError::UnknownPeer) => Ok(()),
            result => result,
        },
        Command::LimitPeer(peer, limits) => data_path.limit_peer(now, peer, limits),
        Command::CloseConnection(path) => {
            outlet.streams.close(now, &path);
            Ok(())
        }
        Command::AdmitBy(order) => {
            data_path.admit_by(now, order.as_ref());
            outlet.guard.expect(data_path.expected_shapes());
            Ok(())
        }
        Command::NotifyExit(peer) => data_path.notify_exit(now, peer, outlet),
    }
}
