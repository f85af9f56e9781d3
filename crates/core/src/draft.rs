//! A request to apply, parsed into what cannot be wrong, or refused by field.

use applyd_wire::{ApplyRequest, ProposalTerms, QuestionAnswer, TIMELINES};

use crate::job_ref::JobRef;
use crate::refusal::Refusal;
use crate::terms::{Answer, Cents, Milestone, Price, Terms, folded};

const LONGEST_TEXT_CHARS: usize = 5000;
const MOST_ANSWERS: usize = 20;
const MOST_MILESTONES: usize = 20;
const LONGEST_MILESTONE_CHARS: usize = 240;
const LONGEST_PROFILE_CHARS: usize = 200;
/// The highest hourly rate.
pub const HIGHEST_RATE: Cents = Cents::new(999_999);
const HIGHEST_PRICE: Cents = Cents::new(100_000_000);
const MOST_CONNECTS: i64 = 1_000_000;

/// A proposal that may be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The job as the caller named it.
    pub job: JobRef,
    /// What is promised.
    pub terms: Terms,
}

/// A request of the right shape, whose meaning is not judged yet: what is asked in between goes between the two.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    job: JobRef,
    cover_letter: String,
    request: ApplyRequest,
}

impl Sketch {
    /// Judges the shape of a request (400).
    ///
    /// # Errors
    /// The first refusal in the contract's order.
    pub fn parse(mut request: ApplyRequest) -> Result<Self, Refusal> {
        let job_id = required(request.job_id.take(), "jobId")?;
        let cover_letter = required(request.cover_letter.take(), "coverLetter")?;
        let job = JobRef::parse(&job_id).ok_or_else(|| {
            Refusal::shape(
                "jobId",
                "`jobId` must be an Upwork job URL, a ciphertext (~01… or ~02…) or a processed-job UUID",
            )
        })?;
        Ok(Self { job, cover_letter, request })
    }

    /// Judges its meaning (422).
    ///
    /// # Errors
    /// The first refusal in the contract's order.
    pub fn judge(self) -> Result<Draft, Refusal> {
        let Self { job, cover_letter, request } = self;
        text(&cover_letter, "coverLetter", LONGEST_TEXT_CHARS)?;
        let profile_id = request.profile_id.map(profile).transpose()?;
        let answers = answers(request.question_answers.unwrap_or_default())?;
        let proposal = request.proposal.unwrap_or_default();
        let (boost_connects, max_connects) = connects(&proposal)?;
        let timeline = proposal.timeline.clone().map(timeline).transpose()?;
        let terms = Terms {
            cover_letter,
            profile_id,
            price: price(proposal)?,
            timeline,
            boost_connects,
            max_connects,
            answers,
            auto_fill: request.auto_fill_other_questions.unwrap_or(false),
        };
        Ok(Draft { job, terms })
    }
}

impl Draft {
    /// Judges a request: first its shape (400), then its meaning (422).
    ///
    /// # Errors
    /// The first refusal in the contract's order.
    pub fn parse(request: ApplyRequest) -> Result<Self, Refusal> {
        Sketch::parse(request)?.judge()
    }

    /// The same for a pre-flight, which sends nothing: the letter may be missing.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_preflight(request: ApplyRequest) -> Result<Self, Refusal> {
        const NO_LETTER: &str = "-";
        let cover_letter = request.cover_letter.or_else(|| Some(NO_LETTER.to_owned()));
        Self::parse(ApplyRequest { cover_letter, ..request })
    }
}

fn required(value: Option<String>, field: &str) -> Result<String, Refusal> {
    value.ok_or_else(|| Refusal::shape(field, format!("`{field}` is required")))
}

fn text(value: &str, field: &str, longest_chars: usize) -> Result<(), Refusal> {
    let chars = value.chars().count();
    if value.trim().is_empty() || chars > longest_chars {
        let found =
            if value.trim().is_empty() { "it is blank".to_owned() } else { format!("it has {chars}") };
        return Err(Refusal::meaning(
            field,
            format!("`{field}` must have 1 to {longest_chars} characters, {found}"),
        ));
    }
    Ok(())
}

fn profile(id: String) -> Result<String, Refusal> {
    text(&id, "profileId", LONGEST_PROFILE_CHARS).map(|()| id)
}

fn timeline(label: String) -> Result<String, Refusal> {
    if TIMELINES.contains(&label.as_str()) {
        return Ok(label);
    }
    let allowed = TIMELINES.map(|label| format!("\"{label}\"")).join(", ");
    Err(Refusal::meaning("proposal.timeline", format!("`proposal.timeline` must be one of {allowed}")))
}

fn answers(given: Vec<QuestionAnswer>) -> Result<Vec<Answer>, Refusal> {
    if given.len() > MOST_ANSWERS {
        let message =
            format!("`questionAnswers` may have at most {MOST_ANSWERS} items, it has {}", given.len());
        return Err(Refusal::meaning("questionAnswers", message));
    }
    let mut seen = Vec::with_capacity(given.len());
    for (index, item) in given.iter().enumerate() {
        let question = folded(&item.question);
        text(&item.question, &format!("questionAnswers[{index}].question"), LONGEST_TEXT_CHARS)?;
        text(&item.answer, &format!("questionAnswers[{index}].answer"), LONGEST_TEXT_CHARS)?;
        if seen.contains(&question) {
            let field = format!("questionAnswers[{index}].question");
            let message = format!("`{field}` repeats a question that was answered before");
            return Err(Refusal::meaning(field, message));
        }
        seen.push(question);
    }
    Ok(given.into_iter().map(|item| Answer { question: item.question, answer: item.answer }).collect())
}

fn connects(proposal: &ProposalTerms) -> Result<(i64, Option<i64>), Refusal> {
    for (field, value) in [("boostConnects", proposal.boost_connects), ("maxConnects", proposal.max_connects)]
    {
        if value.is_some_and(|value| !(0..=MOST_CONNECTS).contains(&value)) {
            let field = format!("proposal.{field}");
            let message = format!("`{field}` must be a whole number from 0 to {MOST_CONNECTS}");
            return Err(Refusal::meaning(field, message));
        }
    }
    let boost = proposal.boost_connects.unwrap_or(0);
    if proposal.max_connects.is_some_and(|most| boost > most) {
        let message = "`proposal.boostConnects` must not be above `proposal.maxConnects`";
        return Err(Refusal::meaning("proposal.boostConnects", message));
    }
    Ok((boost, proposal.max_connects))
}

fn price(proposal: ProposalTerms) -> Result<Price, Refusal> {
    let hourly =
        proposal.hourly_rate.map(|rate| money(rate, "proposal.hourlyRate", HIGHEST_RATE)).transpose()?;
    let fixed =
        proposal.fixed_price.map(|price| money(price, "proposal.fixedPrice", HIGHEST_PRICE)).transpose()?;
    let milestones = proposal.milestones.map(milestones).transpose()?;
    if let Some(rate) = hourly {
        let other = if fixed.is_some() { "fixedPrice" } else { "milestones" };
        if fixed.is_some() || milestones.is_some() {
            let message = format!("`proposal.{other}` and `proposal.hourlyRate` must not stand together");
            return Err(Refusal::meaning(format!("proposal.{other}"), message));
        }
        return Ok(Price::Hourly(rate));
    }
    let Some(milestones) = milestones else {
        return Ok(fixed.map_or(Price::Absent, |total| Price::Fixed { total, milestones: Vec::new() }));
    };
    let sum = Cents::new(milestones.iter().map(|milestone| milestone.amount.get()).sum());
    if fixed.is_some_and(|total| total != sum) || sum > HIGHEST_PRICE {
        let rule = if sum > HIGHEST_PRICE { "at most 1000000 in all" } else { "up to `proposal.fixedPrice`" };
        let message = format!("`proposal.milestones` must add {rule}, they make {}", sum.to_json());
        return Err(Refusal::meaning("proposal.milestones", message));
    }
    Ok(Price::Fixed { total: sum, milestones })
}

fn money(dollars: f64, field: &str, highest: Cents) -> Result<Cents, Refusal> {
    Cents::from_dollars(dollars).filter(|cents| cents.get() > 0 && *cents <= highest).ok_or_else(|| {
        let message =
            format!("`{field}` must be above 0, at most {}, with at most 2 decimals", highest.to_json());
        Refusal::meaning(field, message)
    })
}

fn milestones(given: Vec<applyd_wire::Milestone>) -> Result<Vec<Milestone>, Refusal> {
    if !(1..=MOST_MILESTONES).contains(&given.len()) {
        let message =
            format!("`proposal.milestones` must have 1 to {MOST_MILESTONES} items, it has {}", given.len());
        return Err(Refusal::meaning("proposal.milestones", message));
    }
    given.into_iter().enumerate().map(|(index, item)| milestone(index, item)).collect()
}

fn milestone(index: usize, item: applyd_wire::Milestone) -> Result<Milestone, Refusal> {
    let field = |name: &str| format!("proposal.milestones[{index}].{name}");
    text(&item.description, &field("description"), LONGEST_MILESTONE_CHARS)?;
    let amount = money(item.amount, &field("amount"), HIGHEST_PRICE)?;
    if item.due_date.as_deref().is_some_and(|date| !is_date(date)) {
        let field = field("dueDate");
        let message = format!("`{field}` must be a date as YYYY-MM-DD");
        return Err(Refusal::meaning(field, message));
    }
    Ok(Milestone { description: item.description, amount, due_date: item.due_date })
}

fn is_date(text: &str) -> bool {
    const DATE_CHARS: usize = 10;
    text.len() == DATE_CHARS && text.parse::<jiff::civil::Date>().is_ok_and(|date| date.to_string() == text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;
    use crate::refusal::Kind;

    fn parse(body: serde_json::Value) -> Result<Draft, Refusal> {
        let mut whole = json!({"jobId": "~021", "coverLetter": "Hello"});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        Draft::parse(serde_json::from_value(whole).unwrap())
    }

    #[test]
    fn each_refusal_names_its_field() {
        let long = "x".repeat(5001);
        for (body, kind, field) in [
            (json!({"jobId": null}), Kind::Shape, "jobId"),
            (json!({"coverLetter": null}), Kind::Shape, "coverLetter"),
            (json!({"jobId": "9000000000000000001"}), Kind::Shape, "jobId"),
            (json!({"coverLetter": " \n "}), Kind::Meaning, "coverLetter"),
            (json!({"coverLetter": long}), Kind::Meaning, "coverLetter"),
            (json!({"profileId": ""}), Kind::Meaning, "profileId"),
            (json!({"proposal": {"timeline": "soon"}}), Kind::Meaning, "proposal.timeline"),
            (json!({"proposal": {"hourlyRate": 0}}), Kind::Meaning, "proposal.hourlyRate"),
            (json!({"proposal": {"hourlyRate": 65.123}}), Kind::Meaning, "proposal.hourlyRate"),
            (json!({"proposal": {"hourlyRate": 10000}}), Kind::Meaning, "proposal.hourlyRate"),
            (json!({"proposal": {"hourlyRate": 1, "fixedPrice": 1}}), Kind::Meaning, "proposal.fixedPrice"),
            (json!({"proposal": {"fixedPrice": 1_000_001}}), Kind::Meaning, "proposal.fixedPrice"),
            (json!({"proposal": {"milestones": []}}), Kind::Meaning, "proposal.milestones"),
            (
                json!({"proposal": {"fixedPrice": 3, "milestones": [{"description": "a", "amount": 2}]}}),
                Kind::Meaning,
                "proposal.milestones",
            ),
            (
                json!({"proposal": {"milestones": [{"description": "a", "amount": 2, "dueDate": "2026-02-30"}]}}),
                Kind::Meaning,
                "proposal.milestones[0].dueDate",
            ),
            (json!({"proposal": {"boostConnects": -1}}), Kind::Meaning, "proposal.boostConnects"),
            (
                json!({"proposal": {"boostConnects": 5, "maxConnects": 4}}),
                Kind::Meaning,
                "proposal.boostConnects",
            ),
            (
                json!({"questionAnswers": [{"question": "A  b", "answer": "x"}, {"question": " A b", "answer": "y"}]}),
                Kind::Meaning,
                "questionAnswers[1].question",
            ),
            (
                json!({"questionAnswers": [{"question": "A", "answer": ""}]}),
                Kind::Meaning,
                "questionAnswers[0].answer",
            ),
        ] {
            let refusal = parse(body.clone()).unwrap_err();
            assert_eq!((refusal.kind, refusal.field.as_str()), (kind, field), "{body}");
            assert!(refusal.message.contains(&format!("`{field}`")), "{refusal:?}");
        }
    }

    #[test]
    fn a_sketch_has_its_shape_and_maybe_no_sense() {
        let request = |letter: serde_json::Value| {
            let body = json!({"jobId": "~021", "coverLetter": letter, "proposal": {"timeline": "soon"}});
            serde_json::from_value(body).unwrap()
        };
        assert_eq!(Sketch::parse(request(json!(null))).unwrap_err().kind, Kind::Shape);
        let sketch = Sketch::parse(request(json!(" "))).unwrap();
        assert_eq!(sketch.judge().unwrap_err().kind, Kind::Meaning);
    }

    #[test]
    fn a_letter_is_counted_in_scalar_values_and_kept_as_given() {
        let letter = format!(" {}\n", "🦀".repeat(4998));
        assert_eq!(parse(json!({"coverLetter": letter})).unwrap().terms.cover_letter, letter);
        assert!(parse(json!({"coverLetter": "🦀".repeat(5001)})).is_err());
    }

    #[test]
    fn milestones_alone_are_the_price() {
        let draft = parse(json!({"proposal": {"milestones": [
            {"description": "a", "amount": 0.1, "dueDate": "2026-12-31"}, {"description": "b", "amount": 0.2}]}}));
        let Price::Fixed { total, milestones } = draft.unwrap().terms.price else { panic!("not fixed") };
        assert_eq!((total, milestones.len()), (Cents::new(30), 2));
    }
}
