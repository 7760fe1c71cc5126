//! What takes part in a row of the table.

/// One task: makes so many calls.
pub(crate) type Lane = Box<dyn FnMut(u64) + Send>;

/// Whose code it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The least that any solution costs.
    Floor,
    /// Judged by the budget.
    Ours,
    /// Ours too, in another setting; shown, not judged.
    OursAlso,
    /// Somebody else's, with the same semantics as far as it can.
    Peer,
}

/// One solution of one row.
pub(crate) struct Contender {
    pub(crate) side: Side,
    pub(crate) name: &'static str,
    /// Makes a task that shares the protected object with every other task made here.
    pub(crate) task: Box<dyn Fn() -> Lane>,
    /// Whether two tasks at once mean something.
    pub(crate) shared: bool,
    /// Whether single calls are timed, too, for the 99.9th percentile.
    pub(crate) tail: bool,
}

/// A number that is counted instead of timed.
pub(crate) struct Counted {
    pub(crate) side: Side,
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) count: fn() -> f64,
}

/// Collects the contenders of one row.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) contenders: Vec<Contender>,
    pub(crate) counted: Vec<Counted>,
}

impl Row {
    pub(crate) fn floor(&mut self, name: &'static str, task: impl Fn() -> Lane + 'static) -> &mut Contender {
        self.add(Side::Floor, name, task)
    }

    pub(crate) fn ours(&mut self, name: &'static str, task: impl Fn() -> Lane + 'static) -> &mut Contender {
        self.add(Side::Ours, name, task)
    }

    pub(crate) fn also(&mut self, name: &'static str, task: impl Fn() -> Lane + 'static) -> &mut Contender {
        self.add(Side::OursAlso, name, task)
    }

    pub(crate) fn peer(&mut self, name: &'static str, task: impl Fn() -> Lane + 'static) -> &mut Contender {
        self.add(Side::Peer, name, task)
    }

    pub(crate) fn count(&mut self, side: Side, name: &'static str, unit: &'static str, count: fn() -> f64) {
        self.counted.push(Counted { side, name, unit, count });
    }

    fn add(&mut self, side: Side, name: &'static str, task: impl Fn() -> Lane + 'static) -> &mut Contender {
        let contender = Contender { side, name, task: Box::new(task), shared: true, tail: false };
        self.contenders.push(contender);
        self.contenders.last_mut().expect("just added")
    }
}

impl Contender {
    /// Each task has its own object, or two of them say nothing new.
    pub(crate) fn alone(&mut self) -> &mut Self {
        self.shared = false;
        self
    }

    pub(crate) fn with_tail(&mut self) -> &mut Self {
        self.tail = true;
        self
    }
}
