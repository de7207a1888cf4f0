//! Changes of a running data thread's UDP sockets, ordered by whoever opens and closes listeners.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::Duration;

use netio::IoError;
use netio::wake::Waker;

/// What becomes of a listener. The descriptors are the data thread's own.
pub enum SocketChange {
    /// It is read and sent through. The listener is a closed one, or the next.
    Open(OwnedFd),
    /// It is read no more; what is still for its clients goes out through this socket of another listener.
    SendThrough(OwnedFd),
    /// What is still for its clients is refused and counted.
    Close,
}

/// One change for a data thread, and the place for its answer.
pub struct SocketOrder {
    pub listener: usize,
    pub change: SocketChange,
    answer: SyncSender<Result<(), IoError>>,
}

/// Where orders for a data thread are left, from any thread.
#[derive(Clone)]
pub struct SocketOrders(Sender<SocketOrder>);

/// A data thread answers within a turn, which lasts milliseconds at most. It is waited for in many short looks: a process that did
/// not run for seconds has then missed one of them, not all the time that the data thread has.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: usize = 100;

impl SocketOrders {
    pub fn new() -> (SocketOrders, Receiver<SocketOrder>) {
        let (orders, received) = mpsc::channel();
        (SocketOrders(orders), received)
    }

    /// Returns when the data thread has done it. An order that it has not answered in time is carried out later.
    pub fn carry_out(
        &self,
        listener: usize,
        change: SocketChange,
        waker: &Waker,
    ) -> Result<(), IoError> {
        let gone = || IoError::invalid("change the sockets of a data thread that has ended");
        let (answer, answered) = mpsc::sync_channel(1);
        let order = SocketOrder {
            listener,
            change,
            answer,
        };
        self.0.send(order).map_err(|_| gone())?;
        waker.wake();
        for _ in 0..LOOKS {
            match answered.recv_timeout(LOOK) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
            }
        }
        Err(IoError::timed_out("change the sockets of a data thread"))
    }
}

impl SocketOrder {
    pub fn answer(self, result: Result<(), IoError>) {
        // Whoever has stopped waiting has been told so.
        let _ = self.answer.send(result);
    }
}
