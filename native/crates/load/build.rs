//! Load threads outlive the worker that loaded the add-on first, so its code must stay mapped when a worker ends.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
