//! Answers that a caller leaves to the server, written by the model for a person to approve.

use std::time::Duration;

use applyd_core::letter::Job;
use applyd_core::outcome::Trouble;
use applyd_core::terms::Answer;
use applyd_store::account::Channel;
use applyd_upwork::{Assignment, Upwork};
use tokio::time::Instant;

use super::Worker;
use super::taken::Taken;

/// For all answers of one application together: the person waits, and the preview slot is taken.
const LONGEST: Duration = Duration::from_secs(60);

/// The assignment with an answer to each question, and a remark on each that was written here. Where no model is set
/// up nothing is written, and a missing answer ends the application.
pub(super) async fn answered(
    worker: &Worker,
    marketplace: &Upwork,
    taken: &Taken,
    assigned: &Assignment,
) -> Result<(Assignment, Vec<String>), Trouble> {
    let (mut assigned, mut remarks) = (assigned.clone(), Vec::new());
    // The sandbox has its own sentence.
    if !assigned.terms.auto_fill || taken.application.channel != Channel::Upwork || !worker.letters.is_model()
    {
        return Ok((assigned, remarks));
    }
    let told = marketplace.preflight(&assigned).await?;
    let Some(seen) = told.seen else { return Ok((assigned, remarks)) };
    let (title, description) = (seen.document.title().to_owned(), seen.document.job.opening.description);
    let job = Job::told(&title, description.as_deref().unwrap_or_default());
    let (Some(job), Some(facts)) = (job, seen.facts) else { return Ok((assigned, remarks)) };
    let end = Instant::now() + LONGEST;
    for (question, _) in facts.questions.into_iter().filter(|(_, is_answered)| !is_answered) {
        let letter = &assigned.terms.cover_letter;
        let Some(written) = worker.letters.answer(&job, &question, letter, end).await else { break };
        let written = written.map_err(|error| Trouble::passing(format!("no answer was written: {error}")))?;
        remarks.push(format!("answer written by {}: {question}", written.model));
        assigned.terms.answers.push(Answer { question, answer: written.text });
    }
    Ok((assigned, remarks))
}
