"""How well identity finds people, on public sets whose truth is known.

Ours: the project itself. Each set is landed with ``seamline load`` as one more source
(``benchmarks/people``) of a copy of the dbt project, whose models then build the people. No label
is read before the people stand. Nothing in the settings was chosen on a set that is measured here:
FEBRL 1 and 2, as they are and with fields withheld and misspelt, and the generated extracts served
for that.

Other: Splink's own published example for the set, with its clustering, in the same run; and the
best figure that is published for it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import people_sets, splink_examples
from benchmarks.measure import arguments
from orchestration.figures import Figures

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
RULES = (
    "name_birth_date",
    "birth_date_street",
    "birth_date_house",
    "first_name_birth_date_postcode",
    "last_name_birth_date_postcode",
    "first_name_address",
    "last_name_address",
)
FEBRL3 = "GoldenMatch 0.9979, Splink 0.9972"
FEBRL4 = "Splink 0.9991, its pairs 0.9996"
FAKE = "Splink 0.927, with a density guard 0.956"
PSEUDOPEOPLE = "pseudopeople==1.3.1"
_CENSUS = """
import sys
import pseudopeople
for seed in (1, 2):
    census = pseudopeople.generate_decennial_census(seed=seed)
    census.astype("string").to_parquet(f"{sys.argv[1]}/census{seed}.parquet")
"""
_HOUSEHOLDS = """
with placed as (
    select truth.person_key, truth.household_key, found.person_id
    from read_csv(?, all_varchar = true) as truth
    inner join marts.person_records as found using (source_name, source_id)
)

select count(*) from (
    select person_id
    from placed
    group by 1
    having count(distinct person_key) > 1 and count(distinct household_key) > 1
)
"""


@dataclass(frozen=True)
class Accuracy:
    """One set in one mode: clustered pairwise figures, and what they are held against."""

    work: str
    precision: float
    recall: float
    target: float
    other: float | None
    other_name: str
    published: str
    holds: bool

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return harmonic(self.precision, self.recall)


def harmonic(precision: float, recall: float) -> float:
    """Return F1."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def build(query: str, folder: Path, *, probabilistic: bool) -> tuple[Figures, Path]:
    """Let the project find the people of a set; return a look at them, and the truth."""
    people_sets.write_set(query, folder)
    project = folder / "project" / "dbt_project"
    kept = shutil.ignore_patterns("target", "logs", "__pycache__")
    shutil.copytree(ROOT / "dbt_project", project, ignore=kept)
    shutil.copytree(ROOT / "seeds" / "reference", folder / "project" / "seeds" / "reference")
    shutil.copytree(ROOT / "benchmarks" / "people", project / "models" / "staging" / "people")
    environment = {
        **os.environ,
        "SEAMLINE_HOME": str(folder),
        "SEAMLINE_PROJECT_DIR": str(project),
        "SEAMLINE_DUCKDB_PATH": str(folder / "warehouse.duckdb"),
        "SEAMLINE_TARGET": "demo",
        "SEAMLINE_AS_OF": "2026-11-01T00:00:00",
        "DBT_PROJECT_DIR": str(project),
        "DBT_PROFILES_DIR": str(project),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    seeds = ["identifier_blocks", "identity_decisions"]
    commands = [
        [BIN / "seamline", "load", folder / "raw"],
        [BIN / "dbt", "seed", "--select", *seeds, "--vars", _settings(probabilistic)],
        [BIN / "dbt", "run", "--select", "+person_records", "--vars", _settings(probabilistic)],
    ]
    for command in commands:
        done = subprocess.run(
            [str(part) for part in command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{command[1]} failed on {folder.name}:\n{done.stdout}{done.stderr}")
    return Figures(folder / "warehouse.duckdb"), folder / "truth.csv"


def _settings(probabilistic: bool) -> str:
    types = ["record_id", "national_id", "email", *RULES]
    trust = {"limit": 100, "unique": False}
    return json.dumps(
        {
            "sources": ["people"],
            "source_catalogue": {
                "people": {"tables": ["records"], "entities": ["identifiers", "attributes"]}
            },
            "identifier_types": {
                name: {
                    "normaliser": "email" if name == "email" else "text",
                    "priority": position,
                    **trust,
                }
                for position, name in enumerate(types, 1)
            },
            "probabilistic_matching": probabilistic,
        }
    )


def measure(  # noqa: PLR0917 - the columns of a row, in their order
    folder: Path,
    work: str,
    query: str,
    target: float,
    published: str,
    example: splink_examples.Example | None = None,
    least_precision: float = 0.0,
) -> Accuracy:
    """Find the people of one set, with the model where an example to compare with is given."""
    figures, truth = build(query, folder / work.replace(" ", "_"), probabilistic=bool(example))
    with figures:
        precision, recall = figures.identity_quality(truth)
    holds = harmonic(precision, recall) >= target and precision >= least_precision
    other = harmonic(*example.quality(query)) if example else None
    name = example.name if example else "none in this run"
    return Accuracy(work, precision, recall, target, other, name, published, holds)


def measure_households(folder: Path) -> Accuracy:
    """Two censuses of one town by exact rules: how many people were merged across households."""
    peer, drawn = folder / "peer", folder / "drawn"
    drawn.mkdir()
    venv.create(peer, with_pip=True)
    install = [peer / "bin" / "pip", "install", "--quiet", PSEUDOPEOPLE]
    subprocess.run([str(part) for part in install], check=True)
    draw = [str(peer / "bin" / "python"), "-c", _CENSUS, str(drawn)]
    subprocess.run(draw, check=True, capture_output=True)
    query = people_sets.censuses(drawn)
    figures, truth = build(query, folder / "households", probabilistic=False)
    precision, recall = figures.identity_quality(truth)
    ((merged,),) = figures.rows(_HOUSEHOLDS, str(truth))
    return Accuracy(
        f"pseudopeople, rules; {merged} people merged across a household",
        precision,
        recall,
        0.8,
        None,
        "none in this run",
        "nobody measures it",
        merged == 0 and recall >= 0.8,
    )


def measured(folder: Path, *, quick: bool) -> Iterator[Accuracy]:
    """Yield one row after the other, the quick ones first."""
    febrl3, febrl4 = people_sets.febrl("3"), people_sets.febrl("4a", "4b")
    fake, examples = people_sets.fake_people(), splink_examples
    yield measure(folder, "fake_1000 model", fake, 0.95, FAKE, examples.fake_people)
    if quick:
        return
    yield measure(folder, "FEBRL3 rules", febrl3, 0.990, "6 rules 0.990", None, 0.997)
    yield measure(folder, "FEBRL4 rules", febrl4, 0.992, "6 rules 0.992", None, 0.997)
    yield measure(folder, "FEBRL3 model", febrl3, 0.998, FEBRL3, examples.febrl3)
    yield measure(folder, "FEBRL4 model", febrl4, 0.9995, FEBRL4, examples.febrl4)
    yield measure_households(folder)


def show(*, quick: bool, as_json: bool) -> None:
    """Measure and print each row as soon as it is known."""
    if not people_sets.DATA.is_dir():
        sys.exit(f"{people_sets.DATA} is not there: it holds the public sets.")
    if not as_json:
        print("| set and mode | precision | recall | F1 | target | Splink's | ratio | published |")
        print("|---|--:|--:|--:|--:|--:|--:|---|")
    with tempfile.TemporaryDirectory() as name:
        for row in measured(Path(name), quick=quick):
            print(json.dumps({**asdict(row), "f1": row.f1}) if as_json else table_row(row))
            sys.stdout.flush()


def table_row(row: Accuracy) -> str:
    """Return one line of the table."""
    other = f"{row.other:.4f} ({row.other_name})" if row.other else "–"
    ratio = f"{row.f1 / row.other:.4f}" if row.other else "–"
    target = f"≥ {row.target:g}: {'yes' if row.holds else 'no'}"
    figures = f"{row.precision:.4f} | {row.recall:.4f} | {row.f1:.4f}"
    return f"| {row.work} | {figures} | {target} | {other} | {ratio} | {row.published} |"


def main() -> None:
    """Measure and print."""
    chosen = arguments(__doc__ or "")
    show(quick=chosen.quick, as_json=chosen.json)


if __name__ == "__main__":
    main()
