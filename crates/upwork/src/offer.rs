//! What is sent for an application: the caller's terms, fitted to the job.

use applyd_core::outcome::Code;
use applyd_core::terms::{Answer, Cents, Milestone, Price, Terms, folded};
use serde_json::{Value, json};

use crate::assignment::{Assignment, Fill};
use crate::job::{Contract, Job};
use crate::objection::{Objection, Objections};

/// The sandbox's answer to a question without one.
const FILLED: &str = "Answer by the sandbox.";

/// The terms of one proposal, as sent and as compared with what the site has stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Numeric id.
    pub(crate) job: String,
    /// As given.
    pub(crate) letter: String,
    /// Rate or total.
    pub(crate) amount: Cents,
    /// In the job's order.
    pub(crate) answers: Vec<Answer>,
    /// 0: none.
    pub(crate) boost_connects: i64,
    /// In order.
    pub(crate) milestones: Vec<Milestone>,
}

/// An offer with the terms it resolves to, and what people should know of it.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) offer: Offer,
    pub(crate) terms: Terms,
    pub(crate) notes: Vec<String>,
}

/// Fits the terms of an application to its job.
///
/// # Errors
/// All that does not fit: `input_rejected`, `missing_answer`, `unsupported_terms`.
pub(crate) fn fit(assignment: &Assignment, job: &Job, takes_milestones: bool) -> Result<Fitted, Objections> {
    let given = &assignment.terms;
    let (mut objections, mut notes) = (Vec::new(), Vec::new());
    let price = price(&given.price, job.contract, assignment.default_rate)
        .map_err(|objection| objections.push(objection));
    let answers = answers(given, &job.questions, assignment.fill, &mut notes, &mut objections);
    if matches!(&given.price, Price::Fixed { milestones, .. } if !milestones.is_empty() && !takes_milestones)
    {
        let reason = "milestones cannot be sent";
        objections.push(Objection::in_field(Code::UnsupportedTerms, reason, "proposal.milestones"));
    }
    let (Ok((price, amount, milestones)), true) = (price, objections.is_empty()) else {
        return Err(objections);
    };
    if given.timeline.is_some() {
        notes.push("timeline: kept, not sent".into());
    }
    let offer = Offer {
        job: job.id.clone(),
        letter: given.cover_letter.clone(),
        amount,
        answers: answers.clone(),
        boost_connects: given.boost_connects,
        milestones,
    };
    Ok(Fitted { offer, terms: Terms { price, answers, ..given.clone() }, notes })
}

/// The price as it is sent: its terms, its amount, its parts.
fn price(
    given: &Price,
    contract: Contract,
    default_rate: Cents,
) -> Result<(Price, Cents, Vec<Milestone>), Objection> {
    let rejected = |reason, field| Err(Objection::in_field(Code::InputRejected, reason, field));
    match (contract, given) {
        (Contract::Hourly, Price::Absent) => Ok((Price::Hourly(default_rate), default_rate, Vec::new())),
        (Contract::Hourly, Price::Hourly(rate)) => Ok((given.clone(), *rate, Vec::new())),
        (Contract::Fixed, Price::Fixed { total, milestones }) => {
            Ok((given.clone(), *total, milestones.clone()))
        }
        (Contract::Hourly, Price::Fixed { .. }) => {
            rejected("the job is paid by the hour; fixedPrice does not fit", "proposal.fixedPrice")
        }
        (Contract::Fixed, Price::Hourly(_)) => {
            rejected("the job has a fixed price; hourlyRate does not fit", "proposal.hourlyRate")
        }
        (Contract::Fixed, Price::Absent) => {
            rejected("the job has a fixed price; fixedPrice or milestones are needed", "proposal.fixedPrice")
        }
    }
}

/// What the caller answers to a question of the job.
pub(crate) fn answer_to<'a>(given: &'a Terms, question: &str) -> Option<&'a str> {
    let found = given.answers.iter().find(|answer| folded(&answer.question) == folded(question));
    found.map(|found| found.answer.as_str()).filter(|answer| !answer.trim().is_empty())
}

/// Whether the caller leaves answers to the server.
pub(crate) fn needs_filling(given: &Terms, questions: &[String]) -> bool {
    given.auto_fill && questions.iter().any(|question| answer_to(given, question).is_none())
}

/// An answer to each of the job's questions, in its order and with its wording.
fn answers(
    given: &Terms,
    questions: &[String],
    fill: Fill,
    notes: &mut Vec<String>,
    objections: &mut Objections,
) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        let answer = match answer_to(given, question) {
            Some(answer) => answer.to_owned(),
            None if given.auto_fill && fill == Fill::Sandbox => {
                notes.push(format!("answer written by the server: {question}"));
                FILLED.to_owned()
            }
            // It is written before a person decides, who then reads it.
            None if given.auto_fill && fill == Fill::AskPerson => continue,
            None => {
                objections.push(Objection::in_field(Code::MissingAnswer, question, "questionAnswers"));
                continue;
            }
        };
        answers.push(Answer { question: question.clone(), answer });
    }
    let is_asked =
        |given: &Answer| questions.iter().any(|question| folded(question) == folded(&given.question));
    for extra in given.answers.iter().filter(|given| !is_asked(given)) {
        notes.push(format!("answer kept, not sent, as the job does not ask: {}", extra.question));
    }
    answers
}

impl Offer {
    /// `params` of create.
    pub(crate) fn params(&self) -> Value {
        let mut params = json!({
            "job_reference": self.job,
            "cover_letter": self.letter,
            "charged_amount": self.amount.to_json(),
        });
        if !self.answers.is_empty() {
            params["answers"] = json!(self.answers);
        }
        if self.boost_connects > 0 {
            params["boost_connects"] = self.boost_connects.into();
        }
        if !self.milestones.is_empty() {
            params["milestones"] = self.milestones.iter().map(milestone).collect();
        }
        params
    }
}

fn milestone(milestone: &Milestone) -> Value {
    let mut value = json!({"description": milestone.description, "amount": milestone.amount.to_json()});
    if let Some(due_date) = &milestone.due_date {
        value["due_date"] = due_date.as_str().into();
    }
    value
}
