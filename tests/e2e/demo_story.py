"""How the demo tells what happens: steps, commands, answers, checks."""
import sys
import textwrap

COLOUR = sys.stdout.isatty()


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


class Story:
    def __init__(self):
        self.failures = 0
        self.number = 0

    def step(self, title):
        self.number += 1
        print(f"\n{paint('1', f'{self.number}. {title}')}")

    def human(self, command, output=""):
        print(f"   {paint('36', '$ countersign ' + command)}")
        self.show(output)

    def agent(self, text):
        print(f"   {paint('35', 'agent asks')}   {text}")

    def answer(self, text):
        lines = textwrap.wrap(text, 108) or [""]
        print(f"   {paint('33', 'answer')}       {lines[0]}")
        for line in lines[1:]:
            print(f"                {line}")

    def show(self, output):
        for line in output.rstrip("\n").split("\n") if output.strip() else []:
            print(f"     {line}")

    def check(self, truth, what):
        if not truth:
            self.failures += 1
        print(f"   {paint('32', 'ok') if truth else paint('31', 'WRONG')}           {what}")


def short(token):
    return f"{token[:24]}… ({len(token)} characters)"
