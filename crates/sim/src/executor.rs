//! Tasks that run only when they are told to, in an order that is chosen: what a real runtime leaves to chance.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

pub(crate) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;
pub(crate) type TaskId = u64;

/// All tasks, and which of them somebody woke. Sorted by number, so that the order of waking changes nothing.
#[derive(Default)]
pub(crate) struct Executor {
    jobs: BTreeMap<TaskId, (Job, Waker)>,
    ready: Arc<Ready>,
    next: TaskId,
}

#[derive(Default)]
struct Ready(Mutex<BTreeSet<TaskId>>);

struct Wakes {
    task: TaskId,
    ready: Arc<Ready>,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.ready.0.lock().unwrap_or_else(PoisonError::into_inner).insert(self.task);
    }
}

impl Executor {
    /// Takes a task, ready to be polled for the first time.
    pub(crate) fn spawn(&mut self, job: Job) -> TaskId {
        let task = self.next;
        self.next += 1;
        let waker = Waker::from(Arc::new(Wakes { task, ready: Arc::clone(&self.ready) }));
        waker.wake_by_ref();
        self.jobs.insert(task, (job, waker));
        task
    }

    /// One of the tasks that are ready.
    pub(crate) fn pick(&self, rng: &mut fastrand::Rng) -> Option<TaskId> {
        let mut ready = self.ready.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A task that has ended may be woken once more by what it waited for.
        ready.retain(|task| self.jobs.contains_key(task));
        if ready.is_empty() { None } else { ready.iter().nth(rng.usize(..ready.len())).copied() }
    }

    /// Whether no task is ready.
    pub(crate) fn is_idle(&self) -> bool {
        let ready = self.ready.0.lock().unwrap_or_else(PoisonError::into_inner);
        !ready.iter().any(|task| self.jobs.contains_key(task))
    }

    /// Polls a task; whether it has ended.
    pub(crate) fn poll(&mut self, task: TaskId) -> bool {
        self.ready.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&task);
        let Some((job, waker)) = self.jobs.get_mut(&task) else { return true };
        let ended = job.as_mut().poll(&mut Context::from_waker(&waker.clone())) == Poll::Ready(());
        if ended {
            self.jobs.remove(&task);
        }
        ended
    }

    /// Drops a task where it stands.
    pub(crate) fn cancel(&mut self, task: TaskId) {
        drop(self.jobs.remove(&task));
    }

    pub(crate) fn contains(&self, task: TaskId) -> bool {
        self.jobs.contains_key(&task)
    }
}
