use std::io::{Error, ErrorKind, Read, Result};

/// Reads a slice, and fails at its end with an error that Avro's reader does not take for a null.
///
/// `apache-avro` turns `UnexpectedEof` inside a nullable field into a null: a cut-off record would pass for a whole one.
pub(super) struct Strict<'a>(pub(super) &'a [u8]);

impl Read for Strict<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.0.read(buffer)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<()> {
        let (head, rest) = self.0.split_at_checked(buffer.len()).ok_or(ErrorKind::InvalidData).map_err(Error::from)?;
        buffer.copy_from_slice(head);
        self.0 = rest;
        Ok(())
    }
}
