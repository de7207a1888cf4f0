//! How busy the processors of the machine are, all together.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// The first line is all that is needed: `cpu` and up to ten numbers.
const LINE: usize = 256;
const IDLE: usize = 3;
const WAITING_FOR_DISKS: usize = 4;
/// The last two of the ten are parts of the first two.
const DISTINCT: usize = 8;

pub struct MachineLoad {
    /// Open from the start: a process that has given up its rights, or its root, reads on.
    stat: Option<File>,
    last: Times,
}

#[derive(Clone, Copy, Default)]
struct Times {
    idle: u64,
    all: u64,
}

impl MachineLoad {
    pub fn new() -> MachineLoad {
        let stat = File::open("/proc/stat").ok();
        let last = stat.as_ref().and_then(read).unwrap_or_default();
        MachineLoad { stat, last }
    }

    /// Share of the processors' time since the last call that nobody used, in percent. `None` when it cannot be told.
    pub fn idle_percent(&mut self) -> Option<u64> {
        let now = self.stat.as_ref().and_then(read)?;
        let last = std::mem::replace(&mut self.last, now);
        let all = now.all.saturating_sub(last.all);
        (now.idle.saturating_sub(last.idle) * 100).checked_div(all)
    }
}

fn read(stat: &File) -> Option<Times> {
    let mut bytes = [0; LINE];
    let len = stat.read_at(&mut bytes, 0).ok()?;
    parse(bytes.get(..len)?)
}

fn parse(bytes: &[u8]) -> Option<Times> {
    let line = std::str::from_utf8(bytes.split(|byte| *byte == b'\n').next()?).ok()?;
    let mut times = Times::default();
    let numbers = line.strip_prefix("cpu ")?.split_ascii_whitespace();
    for (index, number) in numbers.take(DISTINCT).enumerate() {
        let number: u64 = number.parse().ok()?;
        times.all += number;
        if matches!(index, IDLE | WAITING_FOR_DISKS) {
            times.idle += number;
        }
    }
    Some(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_the_line_of_all_processors() {
        let times = parse(b"cpu  100 5 50 800 40 0 3 2 7 0\ncpu0 1 2 3").unwrap();
        assert_eq!((times.idle, times.all), (840, 1000));
        assert!(parse(b"intr 1 2 3").is_none());
        assert!(parse(b"cpu  1 x 3").is_none());
    }

    #[test]
    fn this_machine_tells_it() {
        let mut load = MachineLoad::new();
        // Nothing can be told before the next tick of the kernel's clock.
        let told = (0..6000).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            load.idle_percent()
        });
        assert!(told.unwrap() <= 100);
    }
}
