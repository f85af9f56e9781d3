//! The letter without a model: the job's title, a line of its description, and nothing that is not true.

use applyd_core::letter::Job;

use super::{Letter, Tokens};

const MODEL: &str = "template";
const LONGEST_TITLE_WORDS: usize = 25;
const LONGEST_QUOTE_WORDS: usize = 25;
const LONGEST_WORD_CHARS: usize = 60;

pub(super) fn letter(job: &Job) -> Letter {
    let title = beginning(job.title(), LONGEST_TITLE_WORDS);
    let quote = beginning(first_sentence(job.description()), LONGEST_QUOTE_WORDS);
    let text = format!(
        "Hello,\n\n\
         I am writing about your job “{title}”. You begin its description with “{quote}”, and that is where I \
         would like to begin as well.\n\n\
         Before any work starts I would make sure that I have understood you: read all that you have written, ask \
         about whatever is open, and agree with you on what has to be there at the end and how you will judge it.\n\n\
         Then I would go in small steps that you can look at early, so that a misunderstanding is found soon and \
         costs little. If something turns out differently than we both thought, you would hear it from me at once.\n\n\
         If you would like to work in this way, please write to me. I will gladly answer your questions, tell you \
         about my background, and say how I would go about this job.\n\n\
         Kind regards"
    );
    Letter { text, model: MODEL.to_owned(), tokens: Tokens::default() }
}

/// To the first full stop that ends a word, or the first line.
fn first_sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or(text);
    let sentence = line.split_once(". ").map_or(line, |(sentence, _)| sentence);
    sentence.trim_end_matches('.')
}

/// So many words at the most, with … where something was left out.
fn beginning(text: &str, words: usize) -> String {
    let all: Vec<_> = text.split_whitespace().collect();
    let shown = all.iter().take(words).map(|word| short(word)).collect::<Vec<_>>().join(" ");
    if all.len() > words { format!("{shown} …") } else { shown }
}

fn short(word: &str) -> String {
    if word.chars().count() <= LONGEST_WORD_CHARS {
        return word.to_owned();
    }
    word.chars().take(LONGEST_WORD_CHARS).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn it_is_a_short_letter_about_the_job_and_says_what_wrote_it() {
        for (title, description) in [
            ("Rust engineer", "We sell bread. The ordering page is slow and we need it fast."),
            ("x", "y"),
            (&"word ".repeat(60), &"a b c ".repeat(3000)),
            (&"x".repeat(300), &"y".repeat(20_000)),
            ("日本語の仕事", "説明。\n二行目"),
        ] {
            let job = Job::told(title, description).unwrap();
            let letter = letter(&job);
            let words = letter.text.split_whitespace().count();
            assert!((80..=200).contains(&words), "{words} words: {}", letter.text);
            assert!(letter.text.chars().count() <= applyd_core::letter::LONGEST_LETTER_CHARS);
            assert_eq!(letter.model, "template");
            assert!(!letter.text.contains(['[', '{', '<']), "no gap to fill: {}", letter.text);
        }
        let job = Job::told("Rust engineer", "We sell bread. The page is slow.").unwrap();
        let text = letter(&job).text;
        assert!(text.contains("“Rust engineer”") && text.contains("“We sell bread”"), "{text}");
        for claim in ["years", "experience", "expert", "I have done", "similar", "worked"] {
            assert!(!text.contains(claim), "claims {claim}: {text}");
        }
    }
}
