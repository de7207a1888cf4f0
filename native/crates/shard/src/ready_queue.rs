use std::collections::VecDeque;

/// In which order connections are read that have more than one turn takes: the scheduler of deficit-round-robin with a list
/// for newcomers [RFC 8290 4.2], so that a client that says little is heard in the turn after it has spoken, and one that
/// sends without end in each round once.
#[derive(Default)]
pub struct ReadyQueue {
    /// Index = number of the connection.
    places: Vec<Place>,
    newcomers: VecDeque<usize>,
    round: VecDeque<usize>,
}

#[derive(Clone, Copy, Default)]
struct Place {
    queued: bool,
    /// The kernel says that there is something to read.
    ready: bool,
}

impl ReadyQueue {
    /// As the kernel says it; again and again as long as it is true.
    pub fn note_ready(&mut self, number: usize) {
        if number >= self.places.len() {
            self.places.resize(number + 1, Place::default());
        }
        let place = &mut self.places[number];
        place.ready = true;
        if !place.queued {
            place.queued = true;
            self.newcomers.push_back(number);
        }
    }

    /// The next one to be read, once. Whoever was a newcomer has to wait for the end of the round before it is one again,
    /// whether it had much to say or little.
    pub fn pop(&mut self) -> Option<usize> {
        if let Some(number) = self.newcomers.pop_front() {
            self.places[number].ready = false;
            self.round.push_back(number);
            return Some(number);
        }
        while let Some(number) = self.round.pop_front() {
            let place = &mut self.places[number];
            if std::mem::take(&mut place.ready) {
                self.round.push_back(number);
                return Some(number);
            }
            place.queued = false;
        }
        None
    }

    /// Not all of it was read.
    pub fn note_more(&mut self, number: usize) {
        self.places[number].ready = true;
    }

    /// How many are queued, some of which may have nothing more.
    pub fn len(&self) -> usize {
        self.newcomers.len() + self.round.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(queue: &mut ReadyQueue, count: usize) -> Vec<usize> {
        (0..count).map_while(|_| queue.pop()).collect()
    }

    #[test]
    fn who_always_has_more_is_read_once_a_round() {
        let mut queue = ReadyQueue::default();
        (0..3).for_each(|number| queue.note_ready(number));
        let mut order = Vec::new();
        for _ in 0..7 {
            let number = queue.pop().expect("one of three");
            queue.note_more(number);
            order.push(number);
        }
        assert_eq!(order, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn a_newcomer_goes_before_the_round_and_only_once_in_it() {
        let mut queue = ReadyQueue::default();
        for number in 0..4 {
            queue.note_ready(number);
        }
        for number in next(&mut queue, 4) {
            queue.note_more(number);
        }
        queue.note_ready(9);
        assert_eq!(queue.pop(), Some(9));
        queue.note_ready(9);
        assert_eq!(next(&mut queue, 5), [0, 1, 2, 3, 9]);
    }

    #[test]
    fn who_has_nothing_more_is_not_read_and_may_come_back() {
        let mut queue = ReadyQueue::default();
        queue.note_ready(5);
        queue.note_ready(5);
        assert_eq!(next(&mut queue, 9), [5]);
        assert!(queue.is_empty());
        queue.note_ready(5);
        assert_eq!(next(&mut queue, 9), [5]);
    }
}
