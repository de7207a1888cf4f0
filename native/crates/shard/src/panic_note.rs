use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

/// Runs `body`; what it panicked with, and where, if it did. Nothing is printed then: whoever reads the note logs it.
pub fn catch<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CATCHING.get() {
                NOTE.replace(describe(info));
            } else {
                others(info);
            }
        }));
    });
    CATCHING.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    CATCHING.set(false);
    result.map_err(|_| NOTE.take())
}

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static NOTE: RefCell<String> = const { RefCell::new(String::new()) };
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    match info.location() {
        Some(place) => format!("{message} ({}:{})", place.file(), place.line()),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_and_where_is_noted() {
        assert_eq!(catch(|| 7), Ok(7));
        let note = catch(|| panic!("number {}", 8)).expect_err("a panic");
        assert!(
            note.starts_with("number 8 (") && note.contains("panic_note.rs:"),
            "{note}"
        );
        let note = catch(|| [1][std::hint::black_box(3)]).expect_err("a panic");
        assert!(note.starts_with("index out of bounds"), "{note}");
    }
}
