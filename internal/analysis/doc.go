// Package analysis answers whether a candidate is worse than the stable release
// that serves beside it, from counts of requests and of events among them:
// errors, or answers slower than an objective. It may be looked at as often as
// one likes. It is pure: times and counts come in as arguments.
//
// # Harm: an e-process on how failures are dealt
//
// Requests are taken in blocks. In a block, n requests went to the candidate, m
// to stable, and k of all of them failed. If both releases are alike, then the
// failures are dealt to the requests without regard to the release: given n, m
// and k, the number X that falls on the candidate is hypergeometric (Fisher),
//
//	P0(x) = C(n,x) C(m,k-x) / C(n+m,k);
//
// with a single failure the chance is n/(n+m), the candidate's share. If the
// candidate's odds of failing are r times those of stable, X is Fisher's
// noncentral hypergeometric, and the ratio of the two likelihoods is
//
//	L(x; r) = r^x / E0[r^X].
//
// A block multiplies, for each of a grid of ratios r > 1 with weights that sum
// to 1, the capital of that ratio by its L. The e-value is the sum of capitals.
// Under the null its expectation stays at most 1 at every stopping time, so that
// it ever reaches 1/alpha with a chance of at most alpha (Ville's inequality;
// Ramdas et al. 2023, "Game-theoretic statistics and safe anytime-valid
// inference"; Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform,
// nonparametric, nonasymptotic confidence sequences"). Lindon, Sanden and
// Shirikian (arXiv 2205.14762) compare canaries by count data in the same spirit.
//
// The null asks for nothing but that the requests of a block are exchangeable:
// which of them fail does not depend on the release. The failure rate itself may
// be unknown, change from block to block and be as autocorrelated as it likes,
// since every block is conditioned on its own k. The split may change and users
// may drift too, since every block is conditioned on its own n and m: no
// declared share is used. What may end a block is only what does not know how
// the failures were dealt: the counts of requests and failures of both together,
// and the clock.
//
// What would break the null are failures that come in company on one release
// for no fault of it: a client that asks again and again. So counts should be
// thinned before they come here (see davit.Sample): at most one request of a
// client in a second, and none for a while after one that failed.
//
// Each stage of a rollout starts a further e-process, with a part of the weight
// that was kept for it, while the earlier ones go on: the weighted mean of
// e-processes is one, so that alpha holds for the rollout as a whole, and a
// candidate that was well at first does not live on its credit.
//
// # Rates and their difference: confidence sequences
//
// For the number S of events among n requests whose conditional chances have the
// mean p, and any l > 0,
//
//	exp(-l S) / (1 - p + p exp(-l))^n
//
// is at most a martingale of mean 1, by Jensen's inequality, and so is a mixture
// over l. The p for which it stays below 1/a are an upper confidence sequence of
// level 1-a; with -l for l, a lower one (Howard et al. 2021, sub-Bernoulli
// mixture; Waudby-Smith and Ramdas 2023, "Estimating means of bounded random
// variables by betting"). The candidate is not worse by a margin d when the upper
// bound of its rate is at most d above the lower bound of stable's, each of level
// 1 - a/2.
package analysis
