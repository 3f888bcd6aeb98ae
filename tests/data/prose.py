"""What stands in the sample documents: people, firms and sums that do not exist."""

from __future__ import annotations

import random
from dataclasses import dataclass

INVOICE_ROWS = (
    ("Oak shelving, 180 cm, oiled", 12, 148.50),
    ("Reading lamp, brass, with switch", 24, 61.20),
    ("Trolley for returned books", 3, 219.00),
    ("Label holders, box of 200", 5, 34.75),
    ("Delivery and assembly on site", 1, 385.00),
)

REPORT_TITLE = "Harbour Libraries: how the lending year went"
REPORT_COLUMNS = (
    (
        "The eleven branches lent 412,306 items between April and March, four per cent more than in the "
        "year before. Most of the growth came from the two branches that now open on Sundays. Weekday "
        "visits stayed level.",
        "Children borrowed more than ever. Picture books left the shelves nine times on average, and the "
        "reading club at Quay Street had to be split into three groups. Loans to people over seventy fell "
        "slightly, mainly because the bus to the Hillside branch was withdrawn in October.",
        "Money was short but sufficient. The council paid 1,940,000 euros, the same sum as last year; "
        "rents from the meeting rooms brought another 86,450 euros. Heating cost less than planned after "
        "the new boiler at the main building came into service.",
        "The mobile library was off the road for six weeks while its gearbox was repaired. A hired van "
        "covered the school stops, and no school went without books for longer than eight days.",
    ),
    (
        "Staff numbers did not change. Forty-three people work in the branches, and Ingrid Solberg "
        "succeeded Thomas Reeve as head of collections in September. Two apprentices passed their "
        "examinations with distinction.",
        "The catalogue moved to a new system in February. Readers noticed a quiet weekend without "
        "reservations; the staff noticed rather more. By the end of March, ninety-seven per cent of the "
        "old reservations had been carried over without a mistake.",
        "A survey in the spring asked 1,208 visitors what they missed. Longer evening hours came first, "
        "followed by more seats with a socket and by better coffee. The board will discuss the evening "
        "hours at its meeting on 14 May.",
        "Next year brings the repair of the reading room roof. The room will close from June to August, "
        "and its newspapers will be found in the foyer. We ask our readers for patience and thank them "
        "for a lively year.",
    ),
)

LETTERS = (
    (
        "Brennan & Vogt, Surveyors",
        "17 March 2025",
        (
            "Dear Ms Okafor,",
            "Thank you for your letter of 3 March concerning the boundary between plots 118 and 119. We "
            "visited the site on Tuesday with the plans of 1962 and found two of the four boundary stones.",
            "The eastern stone stands where the plan shows it. The northern stone has been moved by about "
            "forty centimetres, probably when the drain was laid, and should be set back before any fence "
            "is built.",
            "Our fee for the visit and this report is 640.00 euros. We would be glad to set the missing "
            "stones for a further 410.00 euros, and could do so in the week of 7 April.",
            "Yours sincerely,",
            "Helen Brennan",
        ),
    ),
    (
        "Minutes of the site meeting",
        "Held on 8 April 2025 at plot 118",
        (
            "Present: Ms Okafor for the owner, Mr Lindqvist for the neighbour, Ms Brennan for the surveyors.",
            "1. The northern stone was set back to its place in the presence of both parties. Mr Lindqvist "
            "agreed that the hedge may stay until the autumn.",
            "2. The missing southern and western stones were replaced. Photographs were taken and will be "
            "sent to both parties within ten days.",
            "3. The fence will be built on the owner's side, thirty centimetres from the line, and will "
            "not be higher than 1.60 metres.",
            "4. The cost of the stones is shared equally. The meeting ended at half past eleven.",
        ),
    ),
    (
        "Receipt and closing note",
        "22 April 2025",
        (
            "We received 1,050.00 euros from Ms Okafor on 18 April, and 205.00 euros from Mr Lindqvist on "
            "20 April. The sum of 205.00 euros will be returned to Ms Okafor within the week.",
            "The file has the number BV-2025-0417 and will be kept for thirty years. Copies of the plan "
            "can be had at any time for 25.00 euros each.",
            "We thank both parties for a pleasant morning in the sun and wish the new fence a long life.",
            "Brennan & Vogt, Surveyors",
        ),
    ),
)

STATEMENT_PAGES = (
    (
        "Statement of account",
        "Northlight Pension Trust, member 40-77812",
        "This statement shows what was paid in and what was paid out",
        "between 1 January and 31 December 2024.",
        "Opening balance: 58,214.06 euros",
        "Contributions by the member: 3,600.00 euros",
        "Contributions by the employer: 5,400.00 euros",
        "Return on investments, after costs: 2,871.93 euros",
        "Closing balance: 70,085.99 euros",
        "Please tell us within sixty days if any figure seems wrong.",
    ),
    (
        "How the return was made",
        "Two thirds of the money is invested in bonds of European states",
        "and one third in shares of companies in twenty countries.",
        "The shares gained 9.1 per cent and the bonds 2.3 per cent.",
        "The costs of administration were 0.28 per cent of the balance.",
        "The trustees met four times and kept to the policy of 2022.",
    ),
)

_SITES = (
    ("Harbour Street", "Marta Kowalczyk"),
    ("Mill Lane", "Desmond Achebe"),
    ("Station Road", "Yuki Tanaka"),
    ("Castle Hill", "Priya Raman"),
    ("Orchard Park", "Luis Ferreira"),
    ("Bridge End", "Anneke de Wit"),
    ("Northgate", "Samuel Oyelaran"),
    ("Willow Court", "Clara Jensen"),
    ("Lantern Yard", "Joseph Adeyemi"),
)

_TERMS = (
    "The Contractor keeps the buildings named in the schedules clean, safe and in good repair, and does so "
    "with the care that a prudent owner would show.",
    "The Client gives the Contractor access to every building between six in the morning and nine in the "
    "evening. Access outside these hours is agreed in writing at least two days before.",
    "The yearly fee is paid in twelve equal parts. Each part falls due on the last working day of the month, "
    "against an invoice that names the month and the buildings.",
    "A payment that is more than thirty days late bears interest of {rate} per cent a year. The Contractor "
    "may not stop work because of a late payment unless it has given fourteen days' notice.",
    "The Contractor insures itself against claims of up to {sum} euros for each event, and shows the policy "
    "to the Client on request and whenever it is renewed.",
    "Staff of the Contractor wear a badge with a photograph. The Client may refuse entry to any person who "
    "does not carry one, and need not give a reason.",
    "Materials are bought by the Contractor and remain its property until they are built in. Waste is "
    "sorted and taken away at least once a week at the Contractor's cost.",
    "Changes to the work are agreed in writing before they begin. A change of less than {small} euros may be "
    "agreed by the two site managers; any other change needs the signature of both parties.",
    "Either party may end this agreement at the end of a calendar year if it gives six months' notice. The "
    "notice is sent by registered letter to the address on the first page.",
    "Neither party answers for delays that are caused by storm, flood, strike or an order of the "
    "authorities, provided that it informs the other party within {days} days.",
    "The parties keep each other's business secrets during the agreement and for five years after its end. "
    "This duty does not cover what was known before or is known to everyone.",
    "Disputes are first discussed by the managers of both parties. If no agreement is reached within {days} "
    "days, the courts at the Client's seat decide.",
)

_SITE_CLAUSES = (
    "This schedule covers the building at {number} {street}, which has {floors} floors and a usable area of "
    "{area} square metres. The plan of {date} is part of the schedule.",
    "The site manager for the Contractor is {person}. Calls that concern water, heating or the lifts are "
    "answered within {hours} hours, on Sundays and holidays within twice that time.",
    "The entrance, the stairs and the corridors are cleaned on every working day before eight in the "
    "morning. Offices are cleaned on Tuesdays and Fridays, meeting rooms whenever they have been used.",
    "The windows are washed in April and in October. Outside work above the second floor is done from a "
    "platform, and the pavement below is closed for as long as the work lasts.",
    "The boiler is inspected every {months} months by a qualified engineer. The engineer's report is kept in "
    "the building and a copy is sent to the Client within ten days.",
    "The yearly fee for this building is {fee} euros. It rises each January by the change in the index of "
    "consumer prices, but by no more than three per cent.",
    "Keys are handed over against a receipt. At the signing of this schedule the Contractor holds {keys} "
    "keys and {cards} access cards; a lost key is reported on the same day.",
    "The lifts were last overhauled on {date}. They are tested twice a year, and the test is announced to "
    "the tenants by a notice in the entrance at least one week before.",
    "Snow is cleared from the pavement before seven in the morning. Sand is used rather than salt, and what "
    "remains of it is swept up when the frost is over.",
    "The garden is cut from May to September, once every two weeks. Trees are pruned in February; a tree may "
    "be felled only with the consent of the city and of the Client.",
    "Small repairs of up to {small} euros each are part of the fee. The Contractor keeps a list of them and "
    "presents it to {person} and the Client at the end of every quarter.",
    "Smoke detectors are tested in March and in September. The result of every test is written in the log "
    "book, together with the name of the person who made it and the date.",
    "Visitors report to the desk on the ground floor. The desk is staffed from eight until six; at other "
    "times the alarm is on and the guard on duty is called by telephone.",
    "Meters for water, gas and electricity are read on the first day of each quarter. The readings of {date} "
    "serve as the opening figures and are noted on the plan.",
    "Paint, floors and doors were found in good condition on {date}, except for the marks listed in the "
    "protocol. They are returned in the same condition, fair wear excepted.",
)

_CLOSING = (
    "This agreement was made in two copies, of which each party keeps one. It replaces the agreement of "
    "{date} and begins on the first day of the month after the last signature.",
    "Signed for the Client at Port Ellery by Ingrid Solberg, member of the board, on {date}.",
    "Signed for the Contractor at Port Ellery by Nathan Brightwell, managing director, on the same day.",
)

_MONTHS = ("January", "February", "April", "May", "June", "July", "September", "October", "November")


@dataclass(frozen=True)
class Chapter:
    """A heading and numbered clauses beneath it."""

    heading: str
    clauses: tuple[str, ...]


def contract_chapters(chance: random.Random) -> list[Chapter]:
    """The general terms, then a schedule for each building."""
    terms = tuple(clause.format_map(_facts(chance, "", "")) for clause in _TERMS)
    chapters = [Chapter("General terms", terms)]
    for number, (street, person) in enumerate(_SITES, start=1):
        facts = _facts(chance, street, person)
        clauses = tuple(clause.format_map(facts) for clause in _SITE_CLAUSES)
        chapters.append(Chapter(f"Schedule {number}: {street}", clauses))
    closing = tuple(clause.format_map(_facts(chance, "", "")) for clause in _CLOSING)
    return [*chapters, Chapter("Signatures", closing)]


def _facts(chance: random.Random, street: str, person: str) -> dict[str, object]:
    day, month, year = chance.randint(1, 28), chance.choice(_MONTHS), chance.randint(2019, 2024)
    return {
        "street": street,
        "person": person,
        "date": f"{day} {month} {year}",
        "number": chance.randint(2, 148),
        "floors": chance.choice(("three", "four", "five", "six", "seven")),
        "area": f"{chance.randint(1200, 9800):,}",
        "hours": chance.choice(("two", "three", "four")),
        "months": chance.choice(("six", "nine", "twelve")),
        "fee": f"{chance.randint(18000, 96000):,}.{chance.choice(('00', '50', '80'))}",
        "keys": chance.randint(8, 60),
        "cards": chance.randint(10, 90),
        "small": chance.choice((150, 200, 250, 400)),
        "sum": "5,000,000",
        "rate": "4.5",
        "days": chance.choice(("ten", "fourteen", "thirty")),
    }
