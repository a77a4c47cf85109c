"""Plain words on law and ethics, for pages and reports; information, not legal advice."""

from typing import Final

NOTICE: Final = "This is information, not legal advice."
POINTS: Final[tuple[tuple[str, str], ...]] = (
    (
        "Employees, applicants, pupils and students",
        ": in the European Union it is banned to infer their emotions at work and in education by an AI "
        "system, with narrow exceptions for medical and safety reasons (AI Act, Article 5(1)(f)).",
    ),
    (
        "Other uses",
        " of emotion recognition are high-risk or need notice: the people concerned must be told (AI "
        "Act, Annex III and Article 50).",
    ),
    (
        "A voice is personal data, and so is its embedding",
        ", even without a name. Have a lawful ground, such as consent; store no more than you need, and "
        "pseudonyms in place of names.",
    ),
    (
        "No diagnosis.",
        " Tonescope says how speech sounds to an engine. It says nothing of anybody's health or intent, "
        "and nothing should be decided about a person from it.",
    ),
    ("The engine compact is not for commercial use", " (CC BY-NC-SA 4.0)."),
)
MEANT_FOR: Final = (
    "Meant for interviews with consent, research on therapy, dubbing and acted speech, and calls whose "
    "customers were told."
)
