//! Runs a scenario's steps and says what was not as promised.

use std::sync::Arc;
use std::time::Duration;

use fleet_token::{AuthToken, TokenError};

use super::expect;
use super::format::Scenario;
use super::step::{Action, Call as CallStep, Context, Face, Step};
use super::world::{Answer, Call, World};

type Check = Result<(), String>;

/// The first thing that was not as the scenario says, with the step it happened at; `None` when all was.
pub(super) fn failure(scenario: &Scenario) -> Option<String> {
    // No timer and no I/O driver: a real sleep anywhere would panic.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(play(scenario)).err()
}

async fn play(scenario: &Scenario) -> Check {
    let mut world = match (World::build(scenario), scenario.config_refused) {
        (Ok(_), Some(_)) => return Err("the configuration was accepted".to_owned()),
        (Err(_), Some(_)) => return Ok(()),
        (Ok(world), None) => world,
        (Err(error), None) => return Err(format!("the configuration was refused: {error}")),
    };
    steps(&mut world, &scenario.steps, "").await?;
    at_the_end(&world)
}

async fn steps(world: &mut World, list: &[Step], prefix: &str) -> Check {
    for (index, step) in list.iter().enumerate() {
        let place = format!("{prefix}{}", index + 1);
        if let Action::Repeat(repeat) = &step.action {
            for round in 1..=repeat.times {
                Box::pin(steps(world, &repeat.steps, &format!("{place} round {round} step "))).await?;
            }
            continue;
        }
        let done = act(world, &step.action).await;
        let complaint = world.wire.script().complaints.first().cloned();
        // Another problem than the one that was looked for is most likely its cause.
        if let Some(problem) = complaint.or(done.err()) {
            let shown = if step.text.contains("SECRET-") { "(not shown)" } else { &step.text };
            return Err(format!("step {place} {shown}: {problem}"));
        }
    }
    Ok(())
}

async fn act(world: &mut World, action: &Action) -> Check {
    match action {
        Action::Note(_) | Action::Repeat(_) => {}
        Action::Call(call) => return ask(world, call).await,
        Action::ExpectCall(expected) => {
            collect(world).await?;
            return expect::calls(world, &expected.id, &expected.outcome);
        }
        Action::Cancel(call) => return cancel(world, &call.id).await,
        Action::AdvanceMs(ms) => {
            let by = Duration::from_millis(*ms);
            if let Some(wake) = world.clock.next_wake().filter(|wake| *wake < by) {
                return Err(format!("something is due after {} ms of it: split the step", wake.as_millis()));
            }
            world.clock.advance(by);
        }
        Action::SuspendMs(ms) => world.clock.suspend(Duration::from_millis(*ms)),
        Action::StepWallMs(ms) if ms % 1000 == 0 => world.clock.step_wall(ms / 1000),
        Action::StepWallMs(_) => return Err("the wall clock is stepped by whole seconds".to_owned()),
        Action::Invalidate(invalidate) => {
            let token = known(world, &invalidate.token)?.clone();
            let current = world.factory.invalidate(&invalidate.context.get(), &token);
            if invalidate.current.is_some_and(|expected| expected != current) {
                return Err(format!("the token was {}current", if current { "" } else { "not " }));
            }
        }
        Action::Clear(_) => world.factory.clear(),
        Action::Prefetch(contexts) => {
            let contexts: Vec<_> = contexts.iter().map(Context::get).collect();
            world.factory.prefetch(&contexts);
        }
        Action::NetworkAvailable(_) => world.factory.network_available(),
        Action::SessionChanged(_) => world.factory.session_changed(),
        Action::Shutdown(_) => {
            let factory = world.factory.clone();
            let ended = tokio::spawn(async move { factory.shutdown().await });
            world.settle().await;
            if !ended.is_finished() {
                return Err("the shutdown did not end".to_owned());
            }
        }
        Action::Session(session) => world.login.set(session),
        Action::Expect(expected) => {
            world.settle().await;
            return expect::world(world, expected);
        }
    }
    world.settle().await;
    Ok(())
}

async fn ask(world: &mut World, step: &CallStep) -> Check {
    if step.expect.is_none() && step.id.is_none() {
        return Err("a call has an id or an expectation".to_owned());
    }
    if step.valid_for_ms.is_some() != (step.r#as == Face::TokenValidFor) {
        return Err("valid_for_ms goes with token_valid_for".to_owned());
    }
    let context = step.context.get();
    let valid_for = Duration::from_millis(step.valid_for_ms.unwrap_or(0));
    let factory = world.factory.clone();
    let of = |result: Result<AuthToken, TokenError>| result.map_or_else(Answer::Error, Answer::Token);
    let task = match step.r#as {
        Face::Token => tokio::spawn(async move { of(factory.token(&context).await) }),
        Face::TokenValidFor => tokio::spawn(async move { of(factory.token_valid_for(&context, valid_for).await) }),
        // Asked here and now: it does not wait for anything, so neither do we.
        Face::TryToken => {
            let answer = factory.try_token(&context).map_or(Answer::None, Answer::Token);
            tokio::spawn(async move { answer })
        }
        Face::Handle => {
            let handle = match world.handles.get(&step.context) {
                Some(handle) => Ok(Arc::clone(handle)),
                None => factory.handle(&context).map(Arc::new),
            };
            if let Ok(handle) = &handle {
                world.handles.insert(step.context.clone(), Arc::clone(handle));
            }
            drop(factory);
            tokio::spawn(async move {
                match handle {
                    Ok(handle) => of(handle.token().await),
                    Err(error) => Answer::Error(error),
                }
            })
        }
    };
    world.calls.push(Call { id: step.id.clone(), task: Some(task), answer: None, checked: false });
    collect(world).await?;
    match &step.expect {
        Some(outcome) => expect::last_call(world, outcome),
        None => Ok(()),
    }
}

async fn cancel(world: &mut World, id: &str) -> Check {
    collect(world).await?;
    let (gone, left): (Vec<_>, Vec<_>) =
        std::mem::take(&mut world.calls).into_iter().partition(|call| call.id.as_deref() == Some(id));
    world.calls = left;
    if gone.is_empty() {
        return Err(format!("there is no call {id}"));
    }
    for call in gone {
        match call.task {
            Some(task) => task.abort(),
            None => return Err(format!("call {id} had ended already")),
        }
    }
    world.settle().await;
    Ok(())
}

/// Takes the answers of the calls that have ended.
async fn collect(world: &mut World) -> Check {
    world.settle().await;
    for index in 0..world.calls.len() {
        let call = &mut world.calls[index];
        let Some(task) = call.task.take_if(|task| task.is_finished()) else { continue };
        let answer = task.await.map_err(|error| format!("a call ended without an answer: {error}"))?;
        expect::no_secret(world, &format!("{answer:?}"))?;
        match &answer {
            Answer::Token(token) => {
                expect::no_secret(world, &token.to_string())?;
                let label = world.wire.script().labels.get(token.value()).cloned();
                world.tokens.insert(label.ok_or("a token came that no reply held")?, token.clone());
            }
            Answer::Error(error) => expect::no_secret(world, &error.to_string())?,
            Answer::None => {}
        }
        world.calls[index].answer = Some(answer);
    }
    Ok(())
}

pub(super) fn known<'a>(world: &'a World, label: &str) -> Result<&'a AuthToken, String> {
    world.tokens.get(label).ok_or_else(|| format!("no call has brought the token {label}"))
}

fn at_the_end(world: &World) -> Check {
    if let Some(call) = world.calls.iter().find(|call| !call.checked) {
        return Err(format!("at the end: nobody looked at call {}", call.id.as_deref().unwrap_or("without an id")));
    }
    let unused = world.wire.script().replies.iter().flatten().count();
    if unused > 0 {
        return Err(format!("at the end: {unused} replies were not asked for"));
    }
    expect::no_secret(world, &format!("{:?}", world.factory))
}
