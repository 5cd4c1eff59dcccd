"""K_g that rises while the discriminator wins.  Used by: training."""

from statistics import fmean

from .system.settings import Whole

EVERY = 10                # rounds between two looks: looking waits for the device
WINNING = 0.6             # nats a patch; ln 2 = 0.69 when the discriminator is fooled


class RefinerUpdates:
    """K_g, the refiner's updates a round.  It begins with `least`; `most`: how far it may rise, 0: it stays.

    After every 10th round, where the discriminator's loss, mean of these 10, is below 0.6 nats a patch, it grows by one.
    It never falls.
    Article: start small and raise it, guided by the discriminator's loss.  The threshold, the ten rounds and the step of one
    are ours.
    """

    def __init__(self, least, most=0):
        self.now, self.range, self.losses = least, Whole(least, max(least, most)), []

    def note(self, loss):
        """Take up the discriminator's loss of a round: a number, or a 0-dimensional tensor on any device."""
        self.losses.append(loss)
        if len(self.losses) == EVERY:
            self.now = min(self.now + (fmean(map(float, self.losses)) < WINNING), self.range.most)
            self.losses = []

    def state(self):
        """What `restore` goes on from, as plain numbers."""
        return {"now": self.now, "losses": [float(loss) for loss in self.losses]}

    def restore(self, state):
        """Raises UserError for a number of updates out of the range."""
        self.range.check("refiner_updates", state["now"])
        self.now, self.losses = state["now"], list(state["losses"])
