"""Which names of persons are found in English text, and what is left alone."""

from __future__ import annotations

import pytest

from quality.pii.names_en import find_names_en
from quality.pii.spans import settle


def names(text: str) -> list[str]:
    return [text[span.start : span.end] for span in settle(find_names_en(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dear Mr. Thompson, my name is Priya Raghunathan.", ["Thompson", "Priya Raghunathan"]),
        ("Best regards,\nSarah O'Connor", ["Sarah O'Connor"]),
        ("The patient, Mr. Oyelaran, was seen by Nurse Kim.", ["Oyelaran", "Kim"]),
        ("Ticket 4521: Ahmed Al-Rashid says that it fails; assigned to Olga.", ["Ahmed Al-Rashid", "Olga"]),
        ("Nguyen Van Minh cannot log in.", ["Nguyen Van Minh"]),
        ("Follow up with William ten Pas in 2 months.", ["William ten Pas"]),
        ("We met Ludwig van der Berg and Maria de la Cruz.", ["Ludwig van der Berg", "Maria de la Cruz"]),
        ("John F. Kennedy Jr. spoke first.", ["John F. Kennedy Jr."]),
        ("Alex's car and Marie's bike", ["Alex", "Marie"]),
        ("Name: Tran Thi Lan\nLast name: Szczepański", ["Tran Thi Lan", "Szczepański"]),
        ('user = {"name": "Kazuki Tanaka", "age": 30}', ["Kazuki Tanaka"]),
        ("id,name\n1,Alice\n2,Bob\n3,Carol", ["Alice", "Bob", "Carol"]),
        ("Alice, Bob, Eve and Mallory share keys.", ["Alice", "Bob", "Eve", "Mallory"]),
        ("An alien named Glip Glop lands.", ["Glip Glop"]),
        ("I am Klaatuon, the ambassador.", ["Klaatuon"]),
        ("Yours sincerely,\nZogthor", ["Zogthor"]),
        ("Smith, J., & Brown, A. (2010). The title.", ["Smith, J.", "Brown, A."]),
        ("Will Smith arrived.", ["Will Smith"]),
        ("my name is marie and i live with tamara chmielewski", ["marie", "tamara chmielewski"]),
        ("King Charles III waved.", ["Charles III"]),
        ("Mia: Hello!\nKate: Hi!", ["Mia", "Kate"]),
        ("患者John Miller今天出院。", ["John Miller"]),
        ('"I think so," said Holmes.', ["Holmes"]),
        ('{"first_name": "Ngozi", "last_name": "Adichie"}', ["Ngozi", "Adichie"]),
        ('{"name": "Xolani Dube", "email": "x@example.com"}', ["Xolani Dube"]),
        ("Patient: Feldman, Ruth  MRN: 1", ["Feldman, Ruth"]),
        ("Regards,\nA. Kaczmarek\nHead of Sales", ["A. Kaczmarek"]),
        ("im kelly btw, whats ur name", ["kelly"]),
        ('"Not now," she said, glaring at Tobias.', ["Tobias"]),
    ],
)
def test_names_are_found(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_parts_of_a_full_name_are_found_again() -> None:
    text = "Kazuki Tanaka lives here. Kazuki is tall. The house of Tanaka is old."
    assert names(text) == ["Kazuki Tanaka", "Kazuki", "Tanaka"]


@pytest.mark.parametrize(
    "text",
    [
        '{"product": {"name": "Falcon Heavy"}}',
        "A. Introduction\nB. Methods",
        "Will you come? May I help? Mark the date. Grace is a virtue. Bill the client.",
        "Hope is important. Summer is hot. Art matters. Rose petals fall.",
        "Jordan is a country. Paris is lovely in spring. We flew from Austin to Houston.",
        "Parkinson's disease, Newton's laws, the Bayes theorem, Dijkstra's algorithm, Hodgkin lymphoma",
        "Stanford University, Ford Motor Company, Goldman Sachs, Johnson & Johnson, Morgan Stanley",
        "the Johns Hopkins Hospital, the Wallace Collection, Elizabeth Street, Lake Victoria, Victoria Falls",
        "from django.db import models; class Alice(models.Model): pass; Jenkins; Maven; Amazon Alexa",
        "Monday, April 5. June is warm. Merry Christmas. Good Morning America.",
        "United States, New York, Los Angeles, San Francisco, Santa Clara, Costa Rica",
        "Hi Team, Hello World, Dear Sir or Madam, Dear Hiring Manager, Dear Customer",
        "I'm Happy to help. I'm Korean. This is Important. I am Tired.",
        "Preheat the Oven. Add Salt, Pepper and Basil. Stir in the Sage. Serve with Rosemary Potatoes.",
        "Product name: Eco Bottle\nFile name: Report\nPlanet name: Celesterra",
        "The U.S. Congress and the U.N. met in Washington, D.C.",
        "Python, Java, Ruby and Julia are languages; Excel is a program.",
        "The French Revolution began in 1789. The Roman Empire fell.",
        "CONFIRM YOUR ORDER. READ THE TERMS. MARK AS DONE.",
    ],
)
def test_other_words_with_a_capital_are_left_alone(text: str) -> None:
    assert names(text) == []
