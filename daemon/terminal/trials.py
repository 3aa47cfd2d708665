"""The trial of a rule as `catalogd rules test` shows it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from daemon.terminal.words import count
from daemon.workloads.categorization.explanation import one_line
from daemon.workloads.categorization.rules.rule import Rule, hint_of
from daemon.workloads.categorization.rules.trial import Example, Trial


def as_json(rule: Rule, trial: Trial, version: int | None) -> dict[str, object]:
    """For scripts. `version` is the model's that the suggestions were made with, or None."""
    figures = {"precision": trial.precision_of(rule), "recall": trial.recall, "model_version": version}
    return {"rule": asdict(rule), "hint": hint_of(rule)} | asdict(trial) | figures


def as_text(rule: Rule, label: str, trial: Trial, version: int | None) -> list[str]:
    """For people: lines without their ends."""
    code, title = one_line(rule.category_code), f"rule {rule.id}" if rule.id else "the rule"
    speaks = "for" if rule.weight > 0 else "against"
    lines = [
        f"{title}: {rule.field} with “{one_line(rule.pattern)}”"
        f" speaks {speaks} {one_line(label)} ({code}), weight {rule.weight:+g}",
        _looked_at(trial),
        f"of those that match, people have confirmed {trial.in_category:,} as {code},"
        f" and {trial.in_another:,} as something else; {trial.unconfirmed:,} are not confirmed",
    ]
    if hint := hint_of(rule):
        lines.append(f"note: {hint}")
    precision, recall = trial.precision_of(rule), trial.recall
    if precision is not None:
        lines.append(f"it is right for {precision:.1%} of the confirmed that match")
    if recall is not None and rule.weight > 0:
        lines.append(f"it finds {recall:.1%} of the {trial.of_category:,} confirmed as {code}")
    if trial.changes is None:
        lines.append("there is no model to see what it would change: catalogd learn")
    else:
        lines.append(
            f"with model {version} and the other rules, it changes {count(trial.changes.changed, 'suggestion')}:"
            f" {trial.changes.to_right:,} to what was confirmed, {trial.changes.to_wrong:,} away from it"
        )
    lines += _show(f"confirmed as {code}", trial.examples_in_category)
    lines += _show("confirmed as something else", trial.examples_in_another)
    lines += _show("not confirmed", trial.examples_unconfirmed)
    lines += _show("changed", trial.changes.examples if trial.changes else ())
    return lines


def _looked_at(trial: Trial) -> str:
    if not trial.products:
        return "there are no products to look at"
    cost, share = trial.search_s / trial.products * 1e6, trial.matched / trial.products
    rest = "" if trial.is_whole else "; stopped there, as the time was over (--seconds gives it more)"
    return f"looked at {trial.products:,} products, {cost:.1f} µs each; {trial.matched:,} match ({share:.2%}){rest}"


def _show(title: str, examples: Sequence[Example]) -> Iterator[str]:
    if examples:
        yield f"{title}, such as"
    for example in examples:
        parts = [f"  {example.id}", example.name]
        if example.confirmed is not None:
            parts.append(f"[{one_line(example.confirmed)}]")
        if example.after is not None:
            parts.append(f"{one_line(example.before or '')} → {one_line(example.after)}")
        yield " ".join(parts)
