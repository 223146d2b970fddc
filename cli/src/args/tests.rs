//! What the help says, held against what the tool takes.

use clap::CommandFactory as _;
use clap::Parser as _;

use super::Args;

/// The command lines of a text: what follows `tollgate ` up to a pipe, a redirection, a comment or the end.
fn lines(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some((_, rest)) = line.split_once("tollgate ") else { continue };
        if !line.trim_start().starts_with("tollgate ")
            && !line.contains("<(tollgate ")
            && !line.contains("| tollgate ")
        {
            continue;
        }
        let words = rest.split_whitespace().take_while(|word| !word.starts_with(['|', '>', '#', '&', '`']));
        let words = words.map(|word| word.trim_end_matches(')').trim_matches(['\'', '"']).to_owned());
        found.push(std::iter::once("tollgate".to_owned()).chain(words).collect());
    }
    found
}

#[test]
fn every_example_of_the_help_is_taken() {
    let mut all = Args::command();
    let mut helps = vec![("tollgate".to_owned(), all.render_long_help().to_string())];
    for command in all.get_subcommands_mut().filter(|command| command.get_name() != "help") {
        helps.push((command.get_name().to_owned(), command.render_long_help().to_string()));
    }
    for (name, help) in helps {
        let Some((_, examples)) = help.split_once("Examples:") else { panic!("{name} has no examples") };
        let lines = lines(examples);
        assert!(!lines.is_empty(), "{name}: {examples}");
        for line in lines {
            assert!(name == "tollgate" || line.get(1) == Some(&name), "{name}: {line:?}");
            if let Err(error) = Args::try_parse_from(&line) {
                panic!("{name}: {line:?}: {error}");
            }
        }
    }
}

#[test]
fn the_readme_names_every_command_and_every_flag() {
    let readme = include_str!("../../../README.md");
    let (_, usage) = readme.split_once("## `tollgate`\n").unwrap();
    let usage = usage.split("\n## ").next().unwrap();
    for command in Args::command().get_subcommands() {
        let name = command.get_name();
        assert!(usage.contains(&format!("    tollgate {name}")), "README.md: no line for `tollgate {name}`");
        for flag in command.get_arguments().filter_map(clap::Arg::get_long).filter(|flag| *flag != "help") {
            assert!(usage.contains(&format!("--{flag}")), "README.md: no --{flag} of `tollgate {name}`");
        }
    }
}
