//! What is sent for an application: the caller's terms, fitted to the job.

use applyd_core::outcome::{Code, Trouble};
use applyd_core::terms::{Answer, Cents, Milestone, Price, Terms, folded};
use serde_json::{Value, json};

use crate::assignment::{Assignment, Fill};
use crate::job::{Contract, Job};

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
/// `input_rejected`, `missing_answer` or `unsupported_terms`.
pub(crate) fn fit(assignment: &Assignment, job: &Job, takes_milestones: bool) -> Result<Fitted, Trouble> {
    let given = &assignment.terms;
    let mut notes = Vec::new();
    let price = price(&given.price, job.contract, assignment.default_rate)?;
    let answers = answers(given, &job.questions, assignment.fill, &mut notes)?;
    let (amount, milestones) = match &price {
        Price::Fixed { total, milestones } => (*total, milestones.clone()),
        Price::Hourly(rate) => (*rate, Vec::new()),
        Price::Absent => return Err(Trouble::end(Code::InputRejected, "a price is needed")),
    };
    if !milestones.is_empty() && !takes_milestones {
        return Err(Trouble::end(Code::UnsupportedTerms, "milestones cannot be sent"));
    }
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

fn price(given: &Price, contract: Contract, default_rate: Cents) -> Result<Price, Trouble> {
    let rejected = |reason| Err(Trouble::end(Code::InputRejected, reason));
    match (contract, given) {
        (Contract::Hourly, Price::Absent) => Ok(Price::Hourly(default_rate)),
        (Contract::Hourly, Price::Hourly(_)) | (Contract::Fixed, Price::Fixed { .. }) => Ok(given.clone()),
        (Contract::Hourly, Price::Fixed { .. }) => {
            rejected("the job is paid by the hour; fixedPrice does not fit")
        }
        (Contract::Fixed, Price::Hourly(_)) => rejected("the job has a fixed price; hourlyRate does not fit"),
        (Contract::Fixed, Price::Absent) => {
            rejected("the job has a fixed price; fixedPrice or milestones are needed")
        }
    }
}

/// An answer to each of the job's questions, in its order and with its wording.
fn answers(
    given: &Terms,
    questions: &[String],
    fill: Fill,
    notes: &mut Vec<String>,
) -> Result<Vec<Answer>, Trouble> {
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        let found = given.answers.iter().find(|answer| folded(&answer.question) == folded(question));
        let answer = match found.map(|found| &found.answer).filter(|answer| !answer.trim().is_empty()) {
            Some(answer) => answer.clone(),
            None if given.auto_fill && fill == Fill::Sandbox => FILLED.to_owned(),
            None => return Err(Trouble::end(Code::MissingAnswer, question)),
        };
        answers.push(Answer { question: question.clone(), answer });
    }
    let is_asked =
        |given: &Answer| questions.iter().any(|question| folded(question) == folded(&given.question));
    for extra in given.answers.iter().filter(|given| !is_asked(given)) {
        notes.push(format!("answer kept, not sent, as the job does not ask: {}", extra.question));
    }
    Ok(answers)
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
