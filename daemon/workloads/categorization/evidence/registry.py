"""The sources of evidence in use: a new one is one module and one line here."""

from daemon.workloads.categorization.evidence.attribute_names import AttributeNames
from daemon.workloads.categorization.evidence.attributes import Attributes
from daemon.workloads.categorization.evidence.description import Description
from daemon.workloads.categorization.evidence.manufacturer import Manufacturer
from daemon.workloads.categorization.evidence.name_letters import NameLetters
from daemon.workloads.categorization.evidence.name_pairs import NamePairs
from daemon.workloads.categorization.evidence.name_words import NameWords
from daemon.workloads.categorization.evidence.part_number import PartNumber
from daemon.workloads.categorization.evidence.source import EvidenceSource

SOURCES: tuple[EvidenceSource, ...] = (
    PartNumber(),
    Manufacturer(),
    Attributes(),
    AttributeNames(),
    NameWords(),
    NamePairs(),
    NameLetters(),
    Description(),
)
