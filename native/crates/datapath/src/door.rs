use crate::Millis;
use crate::admission::{ANSWER_LEN, Admission, AdmissionOrder, Judgement, PacketShapes};
use crate::control_gate::ControlGate;
use crate::data_path::Context;
use crate::event::DataEvent;
use crate::peer_addr::PeerAddr;
use crate::plane::Role;
use crate::sink::InboundSink;
use crate::stats::{Counter, DropReason};

/// Where control packets come in: what can be answered without the worker is, and the worker gets no more than it can
/// look at.
pub(crate) struct Door {
    /// None: a client, which hears one server.
    gate: Option<ControlGate>,
    /// None until the worker has said how.
    admission: Option<Admission>,
}

impl Door {
    pub fn new(role: Role) -> Door {
        Door {
            gate: (role == Role::Server).then(ControlGate::new),
            admission: None,
        }
    }

    /// How unknown clients are answered from now on; `None` leaves them to the worker.
    pub fn admit_by(&mut self, now: Millis, order: Option<&AdmissionOrder>) {
        let before = self.admission.take();
        let next = order.and_then(|order| Admission::new(now, order));
        self.admission = match (next, before) {
            (Some(next), Some(before)) => Some(next.succeed(before)),
            (next, _) => next,
        };
    }

    /// What unknown clients send, if that is known.
    pub fn shapes(&self) -> Option<PacketShapes> {
        self.admission.as_ref().map(Admission::shapes)
    }

    /// The client at `path` has completed its handshake.
    pub fn note_connected(&mut self, path: &PeerAddr) {
        if let Some(admission) = &mut self.admission {
            admission.refund(path);
        }
    }

    /// The worker sends a control packet: whoever gets one may go on.
    pub fn note_sent(&mut self, now: Millis, to: &PeerAddr, packet: &[u8]) {
        if let Some(gate) = &mut self.gate {
            gate.note_sent(now, to, packet);
        }
    }

    /// Whether a control packet may go to another shard. Rings are there for data first. `is_peer`: it goes to the shard of the client
    /// that has the address.
    pub fn may_move(&mut self, now: Millis, from: &PeerAddr, is_peer: bool) -> bool {
        let gate = self.gate.as_mut();
        gate.is_none_or(|gate| gate.may_move(now, from, is_peer))
    }

    pub fn control(
        &mut self,
        context: &Context,
        now: Millis,
        from: &PeerAddr,
        packet: &[u8],
        sink: &mut impl InboundSink,
    ) -> Result<(), DropReason> {
        context.stats.count(Counter::ControlPackets, 1);
        let Some(gate) = &mut self.gate else {
            return to_worker(from, packet, sink);
        };
        let is_peer = || context.plane.addresses.find(from).is_some();
        if let Some(admission) = &mut self.admission
            && !gate.knows(now, from, is_peer)
        {
            let mut answer = [0; ANSWER_LEN];
            let may_answer = || gate.may_answer(now, from, packet);
            match admission.judge(now, from, packet, &mut answer, may_answer) {
                Judgement::Answer(len) => {
                    context.stats.count(Counter::StatelessAnswers, 1);
                    return send(from, &answer[..len], sink);
                }
                Judgement::Proven => gate.note_proven(now, from),
                Judgement::Crowded => return Err(DropReason::ControlFlood),
                Judgement::Copy => return Err(DropReason::ControlCopy),
                Judgement::OverLimit => return tell_of_limit(gate, now, from, sink),
                // Whom the worker has answered may have a key that only the worker knows.
                Judgement::Refused if !gate.has_answered(now, from) => {
                    return match gate.admits_refused(now, sink.control_backlog()) {
                        true => to_worker(from, packet, sink),
                        false => Err(DropReason::ControlRefused),
                    };
                }
                Judgement::Refused | Judgement::Unknown => {}
            }
        }
        match gate.admits(now, from, packet, sink.control_backlog(), is_peer) {
            true => to_worker(from, packet, sink),
            false => Err(DropReason::ControlFlood),
        }
    }
}

/// The worker counts it, and says what to change.
fn tell_of_limit(
    gate: &mut ControlGate,
    now: Millis,
    from: &PeerAddr,
    sink: &mut impl InboundSink,
) -> Result<(), DropReason> {
    if !gate.admits_refused(now, sink.control_backlog()) {
        return Err(DropReason::ControlRefused);
    }
    match sink.event(DataEvent::RateLimited { path: *from }) {
        true => Ok(()),
        false => Err(DropReason::ControlFull),
    }
}

fn to_worker(
    from: &PeerAddr,
    packet: &[u8],
    sink: &mut impl InboundSink,
) -> Result<(), DropReason> {
    match sink.control(from, packet) {
        true => Ok(()),
        false => Err(DropReason::ControlFull),
    }
}

fn send(to: &PeerAddr, answer: &[u8], sink: &mut impl InboundSink) -> Result<(), DropReason> {
    let slot = sink.reserve(to, answer.len()).ok_or(DropReason::SendFull)?;
    slot.copy_from_slice(answer);
    sink.commit();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::DataFormat;
    use crate::data_path::{DataPath, TunOffloads};
    use crate::plane::Plane;
    use crate::test_sink::*;

    fn server() -> DataPath {
        let plane = Plane::new(settings(Role::Server, 1));
        let mut server = DataPath::new(plane.into(), 0, TunOffloads::ALL);
        let order = AdmissionOrder {
            wrap: crate::control_wrap::WrapKey::None,
            client_keys: None,
            cookie_key: [7; 32],
            slot_seconds: 30,
            limit_count: 8,
            limit_seconds: 10,
            unix_seconds: 1_700_000_000,
        };
        server.admit_by(0, Some(&order));
        server
    }

    fn reset() -> Vec<u8> {
        [&[7 << 3][..], &[1; 8], &[0; 5]].concat()
    }

    fn third(answer: &[u8]) -> Vec<u8> {
        [
            &[4 << 3][..],
            &[1; 8],
            &[1, 0, 0, 0, 0],
            &answer[1..9],
            &[0, 0, 0, 1],
        ]
        .concat()
    }

    /// What goes in and what comes out: answers, packets for the worker, events for it.
    fn comes(server: &mut DataPath, port: u16, packet: &[u8]) -> (usize, usize, usize) {
        let mut sink = RecordingSink::default();
        server.inbound(0, &path(port), &mut packet.to_vec(), &mut sink);
        (sink.sent.len(), sink.control.len(), sink.events.len())
    }

    #[test]
    fn the_worker_sees_who_has_shown_where_it_is() {
        let mut server = server();
        let mut sink = RecordingSink::default();
        server.inbound(0, &path(1), &mut reset(), &mut sink);
        let (to, answer) = sink.sent.remove(0);
        assert_eq!((to, sink.control.len()), (path(1), 0));
        assert_eq!(comes(&mut server, 1, &third(&answer)), (0, 1, 0));
        // From here on everything of this address is the worker's, its resets too.
        assert_eq!(comes(&mut server, 1, &reset()), (0, 1, 0));
    }

    #[test]
    fn a_flood_of_resets_says_nothing_to_the_worker_however_often_each_comes() {
        let mut server = server();
        for n in 0..1000u32 {
            let from = PeerAddr {
                listener: 0,
                addr: (std::net::Ipv4Addr::from(0xc612_0000 + n), 5000).into(),
            };
            for _ in 0..2 {
                let mut sink = RecordingSink::default();
                server.inbound(0, &from, &mut reset(), &mut sink);
                assert_eq!((sink.control.len(), sink.events.len()), (0, 0), "{n}");
            }
        }
        let answered = server.stats().counter(Counter::StatelessAnswers);
        assert_eq!(answered, 2000);
    }

    #[test]
    fn an_address_that_asks_too_often_is_named_to_the_worker() {
        let mut server = server();
        let asked: Vec<_> = (0..9).map(|_| comes(&mut server, 1, &reset())).collect();
        assert_eq!(asked[..8], [(1, 0, 0); 8]);
        assert_eq!(asked[8], (0, 0, 1));
        let mut add = peer(0, 2, DataFormat::V2);
        add.path = path(2);
        server.add_peer(0, add).expect("a peer");
        assert_eq!(comes(&mut server, 3, &reset()), (1, 0, 0));
    }

    #[test]
    fn of_what_nothing_can_come_of_the_worker_sees_the_first_ones() {
        let mut server = server();
        let stray = third(&[9; 9]);
        let seen = (0..5000).filter(|_| comes(&mut server, 1, &stray) == (0, 1, 0));
        assert_eq!(seen.count(), 500);
        assert_eq!(server.stats().drop_count(DropReason::ControlRefused), 4500);
        // Whom the worker has answered itself is for the worker to judge.
        server.note_control_sent(0, &path(2), &[8 << 3]);
        assert_eq!(comes(&mut server, 2, &stray), (0, 1, 0));
        assert_eq!(comes(&mut server, 3, &reset()), (1, 0, 0));
    }

    #[test]
    fn without_an_order_the_worker_sees_everything() {
        let mut server = server();
        server.admit_by(0, None);
        assert_eq!(comes(&mut server, 1, &reset()), (0, 1, 0));
    }
}
