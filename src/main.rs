fn main() {
    let threads: usize = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(2);
    println!("{}", anneal_studio::cli::bench::run(threads, |s| eprintln!("{s}")).unwrap().table());
}
