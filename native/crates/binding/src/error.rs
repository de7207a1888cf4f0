use napi::Error;
use netio::IoError;

/// The `code` of a JavaScript error: the name of an errno.
pub struct Code(&'static str);

pub type Result<T> = std::result::Result<T, Error<Code>>;

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.0
    }
}

pub fn to_js(error: IoError) -> Error<Code> {
    Error::new(Code(error.code()), error.to_string())
}

/// An argument that makes no sense; `action` completes "cannot ...".
pub fn invalid(action: impl Into<String>) -> Error<Code> {
    to_js(IoError::invalid(action))
}

/// What the add-on cannot do for these arguments.
pub fn unsupported(what: String) -> Error<Code> {
    Error::new(Code("ENOTSUP"), what)
}
