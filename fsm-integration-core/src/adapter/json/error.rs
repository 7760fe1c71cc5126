use std::fmt;

/// Why text is no JSON that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum JsonFault {
    /// The bytes are not UTF-8.
    #[error("the body is not valid UTF-8")]
    NotUtf8,
    /// The text ends inside a value.
    #[error("the JSON ends too early")]
    Truncated,
    /// The text breaks JSON's grammar.
    #[error("the body is not valid JSON")]
    Syntax,
    /// Something follows the value.
    #[error("nothing may follow the JSON value")]
    TrailingData,
    /// An object has a key twice.
    #[error("the key is there twice")]
    DuplicateKey,
    /// Values are nested more deeply than allowed.
    #[error("the JSON is nested too deeply")]
    TooDeep,
    /// There are more values than allowed.
    #[error("the JSON holds too many values")]
    TooMany,
}

/// Where JSON could not be read, and why; never what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong.
    pub fault: JsonFault,
    /// The keys that lead there, as in `serviceItems[0].quantity`; empty for the top.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}, column {}", self.fault, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, ", at {}", self.path)?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for JsonError {}
