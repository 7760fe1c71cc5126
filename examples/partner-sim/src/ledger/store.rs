//! The ledger behind its lock, and the journal that outlives it.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    path::Path,
};

use parking_lot::Mutex;

use super::{Entry, Ledger};

pub(crate) struct Store(Mutex<Inner>);

struct Inner {
    ledger: Ledger,
    journal: Option<File>,
}

impl Store {
    /// Folds what the journal holds; a line torn by a kill is dropped.
    pub(crate) fn open(journal: Option<&Path>) -> io::Result<Self> {
        let mut ledger = Ledger::default();
        let journal = journal.map(|path| replay(path, &mut ledger)).transpose()?;
        Ok(Self(Mutex::new(Inner { ledger, journal })))
    }

    /// Decides by the present ledger and records what follows, as one step.
    pub(crate) fn transact<R>(&self, decide: impl FnOnce(&Ledger) -> (Option<Entry>, R)) -> io::Result<R> {
        let mut inner = self.0.lock();
        let (entry, result) = decide(&inner.ledger);
        if let Some(entry) = entry {
            if let Some(journal) = &mut inner.journal {
                let mut line = serde_json::to_vec(&entry)?;
                line.push(b'\n');
                journal.write_all(&line)?;
            }
            inner.ledger.apply(entry);
        }
        Ok(result)
    }

    pub(crate) fn read<R>(&self, look: impl FnOnce(&Ledger) -> R) -> R {
        look(&self.0.lock().ledger)
    }
}

fn replay(path: &Path, ledger: &mut Ledger) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut whole = 0;
    let mut reader = BufReader::new(&file);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 && line.ends_with('\n') {
        ledger.apply(serde_json::from_str(&line)?);
        whole += line.len() as u64;
        line.clear();
    }
    file.set_len(whole)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}
