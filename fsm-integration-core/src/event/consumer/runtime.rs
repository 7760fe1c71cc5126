use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    task::{self, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    Consumer, ConsumerConfig, ConsumerState,
    lanes::Lanes,
    ledger::{Ledger, STORE_PAUSE, Start},
    progress::Progress,
    settle::{Ending, Settler, Step, Task},
    status::OwnState,
    systemic::Systemic,
};
use crate::{
    error::Result,
    event::{Topic, log::EventLog},
};

pub(super) async fn run(consumer: Consumer, shutdown: CancellationToken) {
    let Consumer { config, log, handler, clock, state } = consumer;
    let ledger = Ledger { database: log.database().clone(), group: Arc::clone(&config.group) };
    // Before the group looks at what waits: what is replayed from then on is told.
    let woken = log.woken();
    let Some(start) = known(&ledger, &config.topics, &shutdown).await else { return };
    let settler = Settler {
        ledger,
        handler,
        handler_timeout: config.handler_timeout,
        schedule: config.schedule.clone(),
        clock,
        progress: Mutex::new(Progress::starting_at(start.committed)),
        systemic: Mutex::new(Systemic::new()),
        shutdown: shutdown.clone(),
    };
    tracing::debug!(group = %config.group, committed = start.committed, "consumer group started");
    Runtime::new(config, log, settler, start, state).run(woken, shutdown).await;
}

/// What the group remembers; asked until the store answers.
async fn known(ledger: &Ledger, topics: &[Topic], shutdown: &CancellationToken) -> Option<Start> {
    loop {
        match ledger.start(topics).await {
            Ok(start) => return Some(start),
            Err(error) => {
                tracing::error!(error = %error.chain(), group = %ledger.group, "consumer group cannot start yet");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(STORE_PAUSE) => {}
            () = shutdown.cancelled() => return None,
        }
    }
}

struct Runtime {
    config: ConsumerConfig,
    log: EventLog,
    settler: Arc<Settler>,
    state: OwnState,
    position: i64,
    settled: HashSet<i64>,
    held: HashSet<Arc<str>>,
    lanes: Lanes<Task>,
    /// Keys with a record that is due but stands behind one under way.
    behind: HashSet<Arc<str>>,
    ready: VecDeque<Task>,
    tasks: JoinSet<Ending>,
    /// What each task works on; one that breaks off does not say.
    under_way: HashMap<task::Id, (Task, Step)>,
    next_due: Option<Timestamp>,
}

impl Runtime {
    fn new(config: ConsumerConfig, log: EventLog, settler: Settler, start: Start, state: OwnState) -> Self {
        Self {
            config,
            log,
            settler: Arc::new(settler),
            state,
            position: start.committed,
            settled: start.settled,
            next_due: (!start.held.is_empty()).then_some(Timestamp::UNIX_EPOCH),
            held: start.held,
            lanes: Lanes::default(),
            behind: HashSet::new(),
            ready: VecDeque::new(),
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
        }
    }

    async fn run(mut self, mut woken: watch::Receiver<()>, shutdown: CancellationToken) {
        let mut appended = self.log.appended();
        let mut state = self.state.subscribe();
        while !shutdown.is_cancelled() {
            if let Err(error) = self.fill().await {
                tracing::error!(error = %error.chain(), group = %self.config.group, "events cannot be read; trying again");
                // Whatever it came to, the loop looks at the token next.
                let _ = shutdown.run_until_cancelled(tokio::time::sleep(STORE_PAUSE)).await;
                continue;
            }
            self.spawn_ready();
            // A stopped group looks at nothing that is due until it is resumed.
            let due = self.next_due.filter(|_| *self.state.borrow() == ConsumerState::Running);
            let clock = Arc::clone(&self.settler.clock);
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
                _ = appended.changed() => {}
                _ = state.changed() => {}
                _ = woken.changed() => self.next_due = Some(Timestamp::UNIX_EPOCH),
                () = async { match due {
                    Some(due) => clock.sleep_until(due).await,
                    None => std::future::pending().await,
                }} => self.next_due = Some(Timestamp::UNIX_EPOCH),
            }
        }
        self.ready.clear();
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.ended(ended);
        }
    }

    /// Takes in what is new or due, as far as there is room.
    async fn fill(&mut self) -> Result<()> {
        if *self.state.borrow() != ConsumerState::Running {
            return Ok(());
        }
        self.settler.catch_up().await?;
        if self.next_due == Some(Timestamp::UNIX_EPOCH) {
            self.take_due().await?;
        }
        let room = self.config.prefetch.saturating_sub(self.in_memory());
        // Read by halves, not one record for each that ends.
        if room < self.config.prefetch.div_ceil(2) || self.log.end_of(&self.config.topics) <= self.position {
            return Ok(());
        }
        let end = self.log.end_of(&self.config.topics);
        let batch = self.log.read(Arc::clone(&self.config.topics), self.position, room).await?;
        self.position = if batch.is_all { end.max(self.position) } else { self.position };
        for record in batch.records {
            self.position = self.position.max(record.offset);
            if self.settled.remove(&record.offset) {
                self.settler.progress.lock().pass(record.offset);
                continue;
            }
            self.settler.progress.lock().begin(record.offset);
            self.enter(Task { record: Arc::new(record), attempts: 0, replayed: false, redelivery: false });
        }
        self.settler.catch_up().await
    }

    async fn take_due(&mut self) -> Result<()> {
        let now = self.settler.clock.timestamp();
        let room = self.config.concurrency.saturating_sub(self.ready.len()).max(1);
        for due in self.settler.ledger.due(now, room).await? {
            let key = &due.record.key;
            self.held.insert(Arc::clone(key));
            if self.lanes.is_busy(key) {
                self.behind.insert(Arc::clone(key));
                continue;
            }
            let (attempts, replayed) = (due.attempts, due.replayed);
            self.enter(Task { record: Arc::new(due.record), attempts, replayed, redelivery: true });
        }
        self.next_due = self.settler.ledger.next_due(now).await?;
        Ok(())
    }

    fn enter(&mut self, task: Task) {
        let key = Arc::clone(&task.record.key);
        self.ready.extend(self.lanes.enter(&key, task));
    }

    fn in_memory(&self) -> usize {
        self.lanes.running() + self.lanes.waiting()
    }

    fn spawn_ready(&mut self) {
        while self.tasks.len() < self.config.concurrency
            && *self.state.borrow() == ConsumerState::Running
            && let Some(task) = self.ready.pop_front()
        {
            let held = !task.redelivery && self.held.contains(&task.record.key);
            self.spawn(task, if held { Step::HoldBack } else { Step::Handle });
        }
    }

    fn spawn(&mut self, task: Task, step: Step) {
        let (settler, own) = (Arc::clone(&self.settler), task.clone());
        let id = self.tasks.spawn(async move { settler.settle(&own, step).await }).id();
        self.under_way.insert(id, (task, step));
    }

    fn ended(&mut self, ended: std::result::Result<(task::Id, Ending), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some((task, step)) = self.under_way.remove(&id) else { return };
        match ended {
            Ok((_, ending)) => self.settled(task, ending),
            Err(error) if step == Step::GiveUp => {
                tracing::error!(error = %error, group = %self.config.group, offset = task.record.offset,
                    "event cannot even be put aside; its key stands still until the next start");
            }
            Err(error) => {
                tracing::error!(error = %error, group = %self.config.group, offset = task.record.offset,
                    "event handling broke off");
                self.spawn(task, Step::GiveUp);
            }
        }
    }

    fn settled(&mut self, task: Task, ending: Ending) {
        let key = &task.record.key;
        if self.behind.remove(key) || task.redelivery {
            self.next_due = Some(Timestamp::UNIX_EPOCH);
        }
        match ending {
            Ending::Settled { held: false } if task.redelivery => drop(self.held.remove(key)),
            Ending::Settled { .. } => {}
            Ending::Parked => {
                self.held.insert(Arc::clone(key));
                self.next_due = Some(Timestamp::UNIX_EPOCH);
            }
            Ending::Stop { reason } => {
                tracing::error!(group = %self.config.group, reason = %reason,
                    "consumer group stopped: most events fail for good; mend the cause, then resume the group");
                self.state.send_replace(ConsumerState::Stopped { reason });
                self.ready.push_front(task);
                return;
            }
            Ending::Left => return,
        }
        self.ready.extend(self.lanes.leave(key));
    }
}
