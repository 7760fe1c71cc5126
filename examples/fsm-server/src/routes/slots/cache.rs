use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::body::Bytes;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

/// How long an answer is good for (seed 000).
const TIME_TO_LIVE: Duration = Duration::from_secs(5 * 60);
/// How many answers are remembered; the oldest goes first.
const MOST_REMEMBERED: usize = 512;

/// When a question is asked: the time, and the calendar's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) calendar: u64,
}

/// Answers that are remembered; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers(Arc<Mutex<HashMap<String, Remembered>>>);

#[derive(Debug)]
struct Remembered {
    since: Moment,
    answer: Arc<OnceCell<Bytes>>,
}

impl Remembered {
    fn is_fresh(&self, now: Moment) -> bool {
        let age = Duration::try_from(now.at.duration_since(self.since.at)).unwrap_or(Duration::MAX);
        self.since.calendar == now.calendar && age < TIME_TO_LIVE
    }
}

impl Answers {
    /// The place of the answer to a question: filled, being filled by somebody else, or empty.
    pub(super) fn cell(&self, question: String, now: Moment) -> Arc<OnceCell<Bytes>> {
        let mut answers = self.0.lock();
        if let Some(known) = answers.get(&question).filter(|known| known.is_fresh(now)) {
            return Arc::clone(&known.answer);
        }
        answers.remove(&question);
        make_room(&mut answers, now);
        let answer = Arc::<OnceCell<Bytes>>::default();
        answers.insert(question, Remembered { since: now, answer: Arc::clone(&answer) });
        answer
    }
}

fn make_room(answers: &mut HashMap<String, Remembered>, now: Moment) {
    if answers.len() < MOST_REMEMBERED {
        return;
    }
    answers.retain(|_, known| known.is_fresh(now));
    if answers.len() >= MOST_REMEMBERED {
        let oldest = answers.iter().min_by_key(|(_, known)| known.since.at).map(|(question, _)| question.clone());
        oldest.and_then(|question| answers.remove(&question));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(second: i64, calendar: u64) -> Moment {
        Moment { at: Timestamp::from_second(second).expect("in range"), calendar }
    }

    fn filled(answers: &Answers, question: &str, now: Moment) -> bool {
        let cell = answers.cell(question.to_owned(), now);
        let filled = cell.initialized();
        cell.set(Bytes::from_static(b"{}")).ok();
        filled
    }

    #[test]
    fn f_s6_an_answer_lives_for_five_minutes_or_until_somebody_books() {
        let answers = Answers::default();
        assert!(!filled(&answers, "a", moment(0, 0)));
        assert!(filled(&answers, "a", moment(299, 0)));
        assert!(!filled(&answers, "a", moment(300, 0)));
        assert!(!filled(&answers, "a", moment(301, 1)));
    }

    #[test]
    fn a_clock_that_goes_back_makes_answers_stale() {
        let answers = Answers::default();
        assert!(!filled(&answers, "a", moment(100, 0)));
        assert!(!filled(&answers, "a", moment(99, 0)));
    }

    #[test]
    fn the_oldest_answer_goes_when_there_are_too_many() {
        let answers = Answers::default();
        for second in 0..=512_i64 {
            // Within the time to live, so that nothing goes by itself.
            let at = moment(second / 2, 0);
            assert!(!filled(&answers, &second.to_string(), at));
            assert!(answers.0.lock().len() <= MOST_REMEMBERED);
        }
        assert!(filled(&answers, "512", moment(256, 0)));
    }

    #[tokio::test]
    async fn f_s6_equal_questions_at_once_are_looked_up_once() {
        let answers = Answers::default();
        let looks = std::sync::atomic::AtomicUsize::new(0);
        let ask = async || {
            let cell = answers.cell("a".to_owned(), moment(0, 0));
            let look = async || {
                tokio::task::yield_now().await;
                looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                Ok::<_, ()>(Bytes::from_static(b"{}"))
            };
            cell.get_or_try_init(look).await.cloned()
        };
        let all = futures_util::future::join_all((0..100).map(|_| ask())).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(looks.into_inner(), 1);
    }
}
