"""IBANs, distinguished from other account numbers by their check digits (ISO 13616)."""


def is_iban(account: str) -> bool:
    """The country and check digits count last, letters as 10 to 35; the whole is 1 modulo 97. Blanks count for nothing.

    DE89 3704 0044 0532 0130 00
    """
    plain = account.replace(" ", "").upper()
    if not (15 <= len(plain) <= 34 and plain.isalnum() and plain.isascii() and plain[:2].isalpha()):
        return False
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1
